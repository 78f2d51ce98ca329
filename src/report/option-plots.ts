import { leaves } from '../config/differences.js';
import { formatSpread } from '../core/text.js';
import { visible } from '../core/visible.js';
import { configKey, ownValues } from './config-values.js';
import { chart, type Chart, type Line } from './plot.js';
import { groupBy, idle, type Section, type Series, type SeriesFigures } from './series.js';

type Drawn = Series & { readonly figures: SeriesFigures };

/** Accuracy over each option that has several numbers among runs that are the same otherwise, as those of a sweep. */
export function accuracyByOption(section: Section): Chart[] {
  const drawn = section.series.filter((series): series is Drawn => series.figures !== undefined);
  const paths = new Set(drawn.flatMap((series) => [...leaves(configOf(series)).keys()]));
  return [...paths].filter((path) => !idle.test(path)).flatMap((path) => chartOver(path, section, drawn));
}

const configOf = ({ runs }: Series): object => runs[0]!.config;
const labelOf = ({ runs }: Series): string => runs[0]!.label;

function chartOver(path: string, { split }: Section, drawn: readonly Drawn[]): Chart[] {
  const valueOf = (series: Series): number => {
    const value: unknown = JSON.parse(leaves(configOf(series)).get(path) ?? 'null');
    return typeof value === 'number' ? value : Number.NaN;
  };
  const others = new RegExp(`${idle.source}|^${path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  const alike = groupBy(
    drawn.filter((series) => Number.isFinite(valueOf(series))),
    (series) => `${labelOf(series)} ${configKey(configOf(series), others)}`,
  );
  const groups = alike.filter((group) => new Set(group.map(valueOf)).size > 1);
  if (groups.length === 0) return [];
  const option = visible(path.slice(path.lastIndexOf('.') + 1));
  const values = [...new Set(groups.flat().map(valueOf))].sort((a, b) => a - b);
  const lines = groups.map((group): Line => {
    const first = group[0]!;
    const twins = groups.map((other) => other[0]!).filter((other) => labelOf(other) === labelOf(first));
    const own = ownValues(configOf(first), twins.map(configOf), others).join(', ');
    const name = own === '' ? labelOf(first) : `${labelOf(first)} (${own})`;
    const points = group
      .toSorted((a, b) => valueOf(a) - valueOf(b))
      .map((series) => {
        const { accuracy: mean, accuracyDeviation: deviation } = series.figures;
        const text = `${name}, ${option} ${valueOf(series)}: ${formatSpread({ mean, deviation })}`;
        return { x: 1 + values.indexOf(valueOf(series)), y: 100 * mean, text };
      });
    return { name, style: first.style, points, stroke: 'normal', marked: 'all' };
  });
  return [
    chart({
      title: `Accuracy over ${option}`,
      note: `After the last epoch. Runs that differ in ${visible(path)} alone are one line; values are evenly apart.`,
      legend: lines.map(({ name, style }) => ({ label: name, style })),
      x: { title: option, whole: true, names: values.map(String) },
      y: { title: `${split} accuracy, %`, least: 2 },
      lines,
    }),
  ];
}

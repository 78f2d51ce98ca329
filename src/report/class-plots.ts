import { mean } from '../core/stats.js';
import { formatAccuracy, plural } from '../core/text.js';
import { visible } from '../core/visible.js';
import type { ClassRecord } from '../runs/by-class.js';
import { heatMap } from './heat-map.js';
import { chart, type Chart, type Point } from './plot.js';
import type { RunRecord } from './run-record.js';
import type { Section, Series } from './series.js';

/** More classes have no room for their names. */
const mostNamed = 50;
/** More have no room for their cells, which are heavy, */
const mostCells = 30;
/** but where somebody has asked for them by evaluating a run. */
const mostCellsAsked = 100;

type Told = RunRecord & { readonly byClass: ClassRecord };

/** The counted runs that tell it, of the same classes. */
function toldOf({ counted }: Series): readonly Told[] {
  const told = counted.filter((run): run is Told => run.byClass !== undefined);
  const classesOf = ({ byClass }: Told): string => JSON.stringify(byClass.classes);
  return told.filter((run) => classesOf(run) === classesOf(told[0]!));
}

function nameOf({ label }: Series, told: readonly Told[]): string {
  return told.length === 1 ? `${label}, seed ${told[0]!.seed}` : `${label}, ${told.length} runs`;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

/** The accuracy of each class, of each series. */
export function accuracyByClass({ series, split }: Section): Chart[] {
  const drawn = series.map((each) => ({ each, told: toldOf(each) })).filter(({ told }) => told.length > 0);
  if (drawn.length === 0) return [];
  const { classes } = drawn[0]!.told[0]!.byClass;
  const rows = drawn
    .filter(({ told }) => JSON.stringify(told[0]!.byClass.classes) === JSON.stringify(classes))
    .map(({ each, told }) => ({
      ...{ name: nameOf(each, told), label: each.label, style: each.style },
      shares: classes.map((_, i) => mean(told.map(({ byClass }) => byClass.accuracy[i] ?? Number.NaN))),
    }));
  const hardest = [...classes.keys()]
    .map((i) => ({ i, share: mean(rows.map(({ shares }) => shares[i]!)) }))
    .filter(({ share }) => Number.isFinite(share))
    .sort((a, b) => a.share - b.share)
    .slice(0, mostNamed)
    .map(({ i }) => i);
  const shown = classes.length <= mostNamed ? [...classes.keys()] : hardest;
  const names = shown.map((i) => visible(classes[i]!));
  return [
    chart({
      title: 'Accuracy of each class',
      note: [
        `On the ${split} split after the last epoch: the share of a class's images that are taken for it.`,
        ...(classes.length > mostNamed
          ? [`The ${mostNamed} of ${classes.length} classes that all together know least, the hardest first.`]
          : []),
      ].join(' '),
      legend: rows,
      x: { title: 'class', whole: true, names },
      y: { title: `${split} accuracy, %`, least: 2 },
      lines: rows.map(({ name, style, shares }) => ({
        ...{ name, style, stroke: 'none', marked: 'all' },
        points: shown.map((i, k): Point => {
          const text = `${name}, ${names[k]!}: ${formatAccuracy(shares[i]!)}`;
          return { x: k + 1, y: 100 * shares[i]!, text };
        }),
      })),
    }),
  ];
}

/** What each series takes the images of each class for, all its runs together. */
export function confusions({ series }: Section): Chart[] {
  return series.flatMap((each) => {
    const told = toldOf(each).filter(({ byClass }) => byClass.counts !== undefined);
    const isAsked = told.some(({ evaluation }) => evaluation !== undefined);
    const classes = told[0]?.byClass.classes ?? [];
    if (classes.length === 0 || classes.length > (isAsked ? mostCellsAsked : mostCells)) return [];
    const counts = classes.map((_, i) =>
      classes.map((_, k) => sumOf(told.map(({ byClass }) => byClass.counts![i]![k]!))),
    );
    const totals = counts.map(sumOf);
    const images = sumOf(totals);
    const name = nameOf(each, told);
    const names = classes.map(visible);
    const top5 = told.flatMap(
      ({ evaluation, epochs }) => evaluation?.top5 ?? epochs.at(-1)?.evaluationTop5 ?? [],
    );
    const rates = [
      `accuracy ${formatAccuracy(sumOf(counts.map((row, i) => row[i]!)) / images)}`,
      ...(top5.length === told.length ? [`top-5 ${formatAccuracy(mean(top5))}`] : []),
    ];
    const evaluatedOn = told[0]!.identity?.evaluatedOn ?? 'test';
    const of = `${plural(images, `${evaluatedOn} image`)}${told.length === 1 ? '' : ', each once a run'}`;
    return [
      heatMap({
        title: `Classes: ${name}`,
        note: `Of ${of}: ${rates.join(', ')}. A row tells what the images of a class are taken for; where row and column are one class, its accuracy.`,
        quantity: 'share of its images',
        unit: '%',
        x: { title: 'taken for', names },
        y: { title: 'class', names },
        values: counts.map((row, i) =>
          row.map((count) => (totals[i] === 0 ? null : (100 * count) / totals[i]!)),
        ),
        range: [0, 100],
        format: (value) => formatAccuracy(value / 100),
        text: (i, k) => `${name}, ${names[i]!} taken for ${names[k]!}: ${counts[i]![k]!} of ${totals[i]!}`,
      }),
    ];
  });
}

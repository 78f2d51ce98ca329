import type { TopLevelSpec } from 'vega-lite';
import { axisTitle, namedLabels } from './axis-text.js';
import { cellOf, withUnit, type Cells, type Chart, type LegendEntry, type Size } from './plot.js';
import { heatColour } from './styles.js';

/** Cells of more would make the page heavy with text that no pointer finds. */
const mostTitled = 3000;

/** Values over two axes, each a coloured cell. */
export interface HeatMap {
  readonly title: string;
  readonly note: string;
  /** What a value is. */
  readonly quantity: string;
  /** In the table of its numbers; `format` adds it elsewhere. */
  readonly unit?: string | undefined;
  /** From left to right. */
  readonly x: HeatAxis;
  /** From the bottom up. */
  readonly y: HeatAxis;
  /** `values[i][k]` of row i and column k; null and what is not finite have no colour. */
  readonly values: readonly (readonly (number | null)[])[];
  /** Shown when the pointer rests on a cell. */
  readonly text: (i: number, k: number) => string;
  /** What the lightest and the darkest colour are; by default the least and the most of the values. */
  readonly range?: readonly [number, number];
  /** Equal steps of colour are equal ratios, where all values are above zero and a few are far above the others. */
  readonly log?: boolean;
  readonly format: (value: number) => string;
}

interface HeatAxis {
  /** With its unit. */
  readonly title: string;
  readonly names: readonly string[];
}

/** A heat map as a figure, whose legend tells what the colours are. */
export function heatMap(map: HeatMap): Chart {
  const { title, note, quantity, unit, x, y, values, format } = map;
  const scale = scaleOf(map);
  return {
    title,
    note: scale.isLog ? `${note} Equal steps of colour are equal ratios.` : note,
    legend: legendOf(scale, format, quantity),
    spec: (size) => heatSpec(map, scale, size),
    data: [
      [y.title, x.title, withUnit(quantity, unit)],
      ...y.names.flatMap((row, i) => x.names.map((column, k) => [row, column, cellOf(values[i]![k]!)])),
    ] satisfies Cells,
  };
}

interface Scale {
  readonly isLog: boolean;
  /** Where a value lies between the lightest and the darkest colour, 0…1. */
  readonly shareOf: (value: number) => number;
  readonly valueOf: (share: number) => number;
}

function scaleOf({ values, range, log = false }: HeatMap): Scale {
  const found = values
    .flat()
    .filter((value): value is number => value !== null && Number.isFinite(value))
    .sort((a, b) => a - b);
  const [low = 0, high = 1] = range ?? [found[0], found.at(-1)];
  const middle = found[found.length >> 1] ?? low;
  const isLog = log && low > 0 && middle - low < (high - low) / 10;
  const [from, to] = isLog ? [Math.log(low), Math.log(high)] : [low, high];
  return {
    isLog,
    shareOf: (value) => (to > from ? ((isLog ? Math.log(value) : value) - from) / (to - from) : 0.5),
    valueOf: (share) => (isLog ? Math.exp(from + share * (to - from)) : from + share * (to - from)),
  };
}

function legendOf(
  { shareOf, valueOf }: Scale,
  format: (value: number) => string,
  quantity: string,
): LegendEntry[] {
  const values = valueOf(0) === valueOf(1) ? [valueOf(0)] : [0, 0.25, 0.5, 0.75, 1].map(valueOf);
  return values.map((value, i) => ({
    label: i === 0 ? `${quantity}: ${format(value)}` : format(value),
    style: { colour: heatColour(shareOf(value)), shape: 'cell', dash: [] },
  }));
}

function heatSpec({ x, y, values, text }: HeatMap, { shareOf }: Scale, { width }: Size): TopLevelSpec {
  const titled = x.names.length * y.names.length <= mostTitled;
  const cells = values.flatMap((row, i) =>
    row.map((value, k) => ({
      ...{ i: i + 1, k: k + 1 },
      colour: value === null || !Number.isFinite(value) ? 'transparent' : heatColour(shareOf(value)),
      ...(titled ? { text: text(i, k) } : {}),
    })),
  );
  const height = heightOf(y.names.length, x.names.length, width);
  const axis = { grid: false, ticks: false, domain: false } as const;
  // Between cells so small, gaps would be most of what is seen.
  const gaps = ({ names }: HeatAxis) => ({ padding: names.length <= 64 ? 0.06 : 0 });
  return {
    width,
    height,
    data: { values: cells },
    mark: { type: 'rect', ...(titled ? {} : { aria: false }) },
    encoding: {
      x: {
        ...{ field: 'k', type: 'ordinal', title: axisTitle(x.title), scale: gaps(x) },
        axis: { ...axis, ...namedLabels(x.names, width - 80, 'below') },
      },
      y: {
        ...{ field: 'i', type: 'ordinal', title: axisTitle(y.title), scale: gaps(y), sort: 'descending' },
        axis: { ...axis, ...namedLabels(y.names, height - 60, 'beside') },
      },
      color: { field: 'colour', type: 'nominal', scale: null },
      ...(titled ? { description: { field: 'text', type: 'nominal' } } : {}),
    },
  } as TopLevelSpec;
}

/** Cells as wide as high, but with room for a name beside each, and no higher than a screen. */
function heightOf(rows: number, columns: number, width: number): number {
  const cell = Math.min(Math.max(16, (width - 80) / columns), 32);
  return Math.min(Math.max(cell * rows + 100, 210), 0.95 * width);
}

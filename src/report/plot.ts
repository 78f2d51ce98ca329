import type { TopLevelSpec } from 'vega-lite';
import type { Html } from './markup.js';
import { axisTitle, namedLabels } from './axis-text.js';
import type { SeriesStyle } from './styles.js';

/** A figure of the report. */
export interface Chart {
  readonly title: string;
  /** What to know to read it. */
  readonly note?: string | undefined;
  readonly legend: readonly LegendEntry[];
  /** What Vega-Lite draws, but for its theme; or the drawing itself. */
  readonly spec: (size: Size) => TopLevelSpec | Html;
  /** The numbers that are drawn, for other programs: rows of a table, of which the first names the columns. */
  readonly data: Cells;
}

export type Cells = readonly (readonly (string | number)[])[];

export interface LegendEntry {
  readonly label: string;
  readonly style: SeriesStyle;
}

/** In CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  /** A number that is not finite leaves a gap. */
  readonly y: number;
  /** Shown when the pointer rests on it. */
  readonly text: string;
}

export interface Line {
  /** Unlike those of all other lines: shown when the pointer rests on it. */
  readonly name: string;
  readonly style: SeriesStyle;
  readonly points: readonly Point[];
  /** `thin` for one of several runs behind their mean; `none` for points alone. */
  readonly stroke: 'normal' | 'thin' | 'none';
  /** Which of its points are marked. */
  readonly marked: 'all' | 'last' | 'none';
}

export interface Axis {
  /** With its unit. */
  readonly title: string;
  /** Begins at zero. */
  readonly zero?: boolean;
  /** Has no places between whole numbers. */
  readonly whole?: boolean;
  /** Of the places 1, 2, …: shown in the numbers' stead. */
  readonly names?: readonly string[] | undefined;
  /** Spans at least as much, so that what hardly differs does not look far apart. */
  readonly least?: number;
  /** May be logarithmic, where a few large values would press all others flat. */
  readonly log?: boolean;
}

interface Level {
  readonly name: string;
  readonly y: number;
  readonly style: SeriesStyle;
  readonly text: string;
}

export interface Plot {
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** Levels that go from side to side. */
  readonly levels?: readonly Level[];
}

interface ChartOptions extends Plot {
  readonly title: string;
  readonly note?: string;
  readonly legend: readonly LegendEntry[];
}

/** A plot as a figure; the note says so where an axis is logarithmic. */
export function chart({ title, note = '', legend, ...plot }: ChartOptions): Chart {
  const scale = isLogarithmic(plot) ? 'The y axis is logarithmic.' : '';
  return {
    title,
    note: [note, scale].filter((part) => part !== '').join(' ') || undefined,
    legend: legend.map(({ label, style }) => ({ label, style })),
    spec: (size) => plotSpec(plot, size),
    data: dataOf(plot),
  };
}

function dataOf({ x, y, lines, levels = [] }: Plot): Cells {
  const at = (place: number): string | number => x.names?.[place - 1] ?? place;
  return [
    ['line', x.title, y.title],
    ...lines.flatMap(({ name, points }) => points.map((point) => [name, at(point.x), cellOf(point.y)])),
    ...levels.map((level) => [level.name, '', cellOf(level.y)]),
  ];
}

/** Programs that read tables take nothing for no number. */
export const cellOf = (value: number | null): number | string =>
  value !== null && Number.isFinite(value) ? value : '';

const strokes = [
  ['thin', { strokeWidth: 1, opacity: 0.4 }],
  ['normal', { strokeWidth: 2 }],
] as const;

/** Lines and points over two axes. */
function plotSpec(plot: Plot, { width, height }: Size): TopLevelSpec {
  const { x, lines, levels = [] } = plot;
  const rows = lines.flatMap((line, i) => line.points.map((point, k) => rowOf(line, i, point, k)));
  const domain = lines.map((_, i) => i);
  const by = { field: 'line', type: 'nominal', legend: null } as const;
  const scaled = (range: readonly (string | readonly number[])[]) => ({
    ...by,
    scale: { domain, range: range as never },
  });
  const colour = scaled(lines.map(({ style }) => style.colour));
  const described = (field: string) => ({ description: { field, type: 'nominal' } }) as const;
  const points = {
    color: colour,
    shape: scaled(lines.map(({ style }) => style.shape)),
    ...described('text'),
  };
  const axes = {
    x: xEncoding(
      x,
      rows.map((row) => row.x),
      width,
    ),
    y: yEncoding(plot),
  };
  return {
    width,
    height,
    data: { values: rows },
    encoding: axes,
    layer: [
      ...strokes.map(
        ([stroke, look]) =>
          ({
            transform: [{ filter: { field: 'stroke', equal: stroke } }],
            mark: { type: 'line', strokeCap: 'round', strokeJoin: 'round', ...look },
            encoding: {
              color: colour,
              strokeDash: scaled(lines.map(({ style }) => (style.dash.length > 0 ? style.dash : [1, 0]))),
              ...described('name'),
            },
          }) as const,
      ),
      ...levels.map(
        (level) =>
          ({
            data: { values: [{ y: level.y, text: level.text }] },
            mark: {
              type: 'rule',
              color: level.style.colour,
              strokeWidth: 2,
              strokeDash: [...level.style.dash],
            },
            encoding: { x: null, y: axes.y, ...described('text') },
          }) as const,
      ),
      {
        // Nothing to see, but the pointer finds them.
        transform: [{ filter: { field: 'found', equal: true } }],
        mark: { type: 'point', filled: true, opacity: 0, size: 46 },
        encoding: points,
      },
      {
        transform: [{ filter: { field: 'marked', equal: true } }],
        mark: { type: 'point', filled: true, opacity: 1, size: 46 },
        encoding: points,
      },
    ],
  } as TopLevelSpec;
}

function xEncoding(
  { title, zero = false, whole = false, names }: Axis,
  values: readonly number[],
  width: number,
) {
  return {
    field: 'x',
    type: 'quantitative',
    title: axisTitle(title),
    scale: whole ? { domain: wholeDomain(values, names ? 0.4 : 0), nice: false } : { zero, nice: true },
    axis: {
      grid: false,
      tickCount: Math.floor(width / 70),
      ...(names ? namedLabels(names, width - 60, 'below') : whole ? { tickMinStep: 1, format: 'd' } : {}),
    },
  } as const;
}

/** `accuracy, %` */
export function withUnit(quantity: string, unit: string | undefined): string {
  return unit === undefined ? quantity : `${quantity}, ${unit}`;
}

function yEncoding(plot: Plot) {
  const { y } = plot;
  const log = isLogarithmic(plot) ? logarithmic(valuesOf(plot)) : undefined;
  return {
    field: 'y',
    type: 'quantitative',
    title: axisTitle(y.title),
    scale:
      log === undefined
        ? { domain: domainOf(y, valuesOf(plot)), nice: ticks }
        : { type: 'log', domain: [log[0], log.at(-1)], nice: false },
    axis:
      log === undefined
        ? { tickCount: ticks }
        : { values: log, labelExpr: `format(datum.value, datum.value < 1e5 ? '~g' : '~e')` },
  } as const;
}

const ticks = 5;

/** Ticks 1, 2, 5, 10, …, or powers of ten alone where those would be many, around values above zero. */
function logarithmic(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const exponents = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))] as const;
  const powers = Array.from({ length: exponents[1] - exponents[0] + 1 }, (_, i) => exponents[0] + i);
  const among = (digits: readonly number[]): number[] => {
    const all = powers.flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)));
    const [first, last] = [all.findLastIndex((tick) => tick <= low), all.findIndex((tick) => tick >= high)];
    return all.slice(first, last + 1);
  };
  const fine = among([1, 2, 5]);
  return fine.length <= 8 ? fine : among([1]);
}

function valuesOf({ lines, levels = [] }: Plot): number[] {
  return [...lines.flatMap(({ points }) => points), ...levels].map(({ y }) => y).filter(Number.isFinite);
}

/** Of values that hardly differ a wider one than theirs: rounding is nothing to look at. */
function domainOf({ zero = false, least = 0 }: Axis, values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values, ...(zero ? [0] : [])), Math.max(...values)];
  if (!Number.isFinite(low)) return [0, 1];
  const wanted = Math.max(least, Math.abs(high) / 50) || 1;
  if (high - low >= wanted) return [low, high];
  if (zero) return [low, low + wanted];
  const begin = (low + high - wanted) / 2;
  // Nothing is drawn below zero where no value is.
  return low >= 0 && begin < 0 ? [0, wanted] : [begin, begin + wanted];
}

/** Whether more than half of the values would lie in the lowest tenth of a plot whose y axis is linear. */
function isLogarithmic({ y, ...plot }: Plot): boolean {
  const values = valuesOf({ y, ...plot }).sort((a, b) => a - b);
  const [least = 0, middle = 0, most = 0] = [values[0], values[values.length >> 1], values.at(-1)];
  return y.log === true && least > 0 && most > 5 * middle && middle - least < (most - least) / 10;
}

/** More of a line's points that are not marked would make the page heavy with text that no pointer finds. */
const mostFound = 100;

function rowOf(line: Line, index: number, { x, y, text }: Point, k: number) {
  const every = Math.ceil(line.points.length / mostFound);
  const marked = line.marked === 'all' || (line.marked === 'last' && k === line.points.length - 1);
  return {
    ...{ line: index, name: line.name, stroke: line.stroke, x, text },
    y: Number.isFinite(y) ? y : null,
    marked: marked && Number.isFinite(y),
    found: !marked && line.stroke === 'normal' && k % every === 0 && Number.isFinite(y),
  };
}

/** @param beside what is free on both sides: the marks of places with names stand clear of the axis */
function wholeDomain(values: readonly number[], beside: number): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low < high ? [low - beside, high + beside] : [low - 0.5, low + 0.5];
}

import type { TopLevelSpec } from 'vega-lite';
import type { Html } from './markup.js';
import type { SeriesStyle } from './styles.js';

/** A figure of the report. */
export interface Chart {
  readonly title: string;
  /** What to know to read it. */
  readonly note?: string | undefined;
  readonly legend: readonly LegendEntry[];
  /** What Vega-Lite draws, but for its theme; or the drawing itself. */
  readonly spec: (size: Size) => TopLevelSpec | Html;
}

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
}

export interface Plot {
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** Levels that go from side to side. */
  readonly levels?: readonly { readonly y: number; readonly style: SeriesStyle; readonly text: string }[];
}

interface ChartOptions extends Plot {
  readonly title: string;
  readonly note?: string;
  readonly legend: readonly LegendEntry[];
}

/** A plot as a figure; the note says so where an axis is logarithmic. */
export function chart({ title, note = '', legend, ...plot }: ChartOptions): Chart {
  const scale = isSteep(plot.lines) ? 'The y axis is logarithmic.' : '';
  return {
    title,
    note: [note, scale].filter((part) => part !== '').join(' ') || undefined,
    legend: legend.map(({ label, style }) => ({ label, style })),
    spec: (size) => plotSpec(plot, size),
  };
}

const strokes = [
  ['thin', { strokeWidth: 1, opacity: 0.4 }],
  ['normal', { strokeWidth: 2 }],
] as const;

/** Lines and points over two axes. Where the largest value is far above the middle one, the y axis is logarithmic. */
export function plotSpec({ x, y, lines, levels = [] }: Plot, { width, height }: Size): TopLevelSpec {
  const rows = lines.flatMap((line, i) => line.points.map((point, k) => rowOf(line, i, point, k)));
  const domain = lines.map((_, i) => i);
  const by = { field: 'line', type: 'nominal', legend: null } as const;
  const scaled = (range: readonly (string | readonly number[])[]) => ({
    ...by,
    scale: { domain, range: range as never },
  });
  const colour = scaled(lines.map(({ style }) => style.colour));
  const xs = lines.flatMap(({ points }) => points.map((point) => point.x));
  const axes = {
    x: {
      field: 'x',
      type: 'quantitative',
      title: x.title,
      scale: x.whole ? { domain: wholeDomain(xs), nice: false } : { zero: x.zero ?? false, nice: true },
      axis: {
        grid: false,
        tickCount: Math.floor(width / 70),
        ...(x.whole ? { tickMinStep: 1, format: 'd' } : {}),
      },
    },
    y: {
      field: 'y',
      type: 'quantitative',
      title: y.title,
      scale: isSteep(lines) ? { type: 'log', nice: true } : { zero: y.zero ?? false, nice: true },
      axis: { tickCount: 5, ...(isSteep(lines) ? { format: '~g' } : {}) },
    },
  } as const;
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
            encoding: { x: null, y: axes.y, description: { field: 'text', type: 'nominal' } },
          }) as const,
      ),
      {
        transform: [{ filter: { field: 'marked', equal: true } }],
        mark: { type: 'point', filled: true, opacity: 1, size: 46 },
        encoding: {
          color: colour,
          shape: scaled(lines.map(({ style }) => style.shape)),
          description: { field: 'text', type: 'nominal' },
        },
      },
    ],
  } as TopLevelSpec;
}

/** Whether a plot's y axis is logarithmic. */
function isSteep(lines: readonly Line[]): boolean {
  const values = lines
    .flatMap(({ points }) => points.map(({ y }) => y))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const [least = 0, middle = 0, most = 0] = [values[0], values[values.length >> 1], values.at(-1)];
  return least > 0 && most > 50 * middle;
}

function rowOf(line: Line, index: number, { x, y, text }: Point, k: number) {
  const marked = line.marked === 'all' || (line.marked === 'last' && k === line.points.length - 1);
  return {
    line: index,
    stroke: line.stroke,
    x,
    y: Number.isFinite(y) ? y : null,
    text,
    marked: marked && Number.isFinite(y),
  };
}

function wholeDomain(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

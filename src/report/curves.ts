import type { EpochMetrics, StepMetrics } from '../train/events.js';
import { headIndex } from '../train/head-update.js';
import { formatAccuracy } from '../core/text.js';
import { chart, type Axis, type Chart, type Line, type Point } from './plot.js';
import { mean } from '../core/stats.js';
import { visible } from '../core/visible.js';
import { epochRows, sharedRows, stepRows, thinned, type Rows } from './rows.js';
import { type Section } from './series.js';

/** Up to so many points of a line are marked each; of a longer line only the last. */
const fewPoints = 12;

/** What a curve shows of each row. */
interface Quantity<Row> {
  readonly rows: Rows<Row>;
  /** Default: where the row stands. */
  readonly x?: (rows: readonly Row[], i: number) => number;
  readonly y: (row: Row) => number;
  readonly format: (value: number) => string;
}

const inPercent = (share: number): number => 100 * share;
const formatPercent = (value: number): string => formatAccuracy(value / 100);
const formatLoss = (value: number): string => `loss ${value.toPrecision(4)}`;

/** Accuracy after each epoch. */
export function accuracyByEpoch(section: Section): Chart {
  return curves(section, {
    title: `${capital(section.split)} accuracy`,
    x: { title: 'epoch', whole: true },
    y: { title: `${section.split} accuracy, %`, least: 2 },
    quantity: {
      rows: epochRows,
      y: (epoch) => inPercent(epoch.evaluationAccuracy),
      format: formatPercent,
    },
  });
}

/** Accuracy after each epoch against the time until then. */
export function accuracyByTime(section: Section): Chart {
  const longest = Math.max(
    ...section.series.flatMap(({ runs }) => runs.map((run) => secondsUntil(run.epochs))),
  );
  const { name, seconds } = timeUnit(longest);
  return curves(section, {
    title: 'Accuracy against time',
    note: 'Training and evaluation together.',
    x: { title: `time, ${name}`, zero: true },
    y: { title: `${section.split} accuracy, %`, least: 2 },
    quantity: {
      rows: epochRows,
      x: (epochs, i) => secondsUntil(epochs.slice(0, i + 1)) / seconds,
      y: (epoch) => inPercent(epoch.evaluationAccuracy),
      format: formatPercent,
    },
  });
}

export function trainingLoss(section: Section): Chart {
  return curves(section, {
    title: 'Training loss',
    note: "The mean over the epoch's images, of the update with the network's head.",
    x: { title: 'epoch', whole: true },
    y: { title: 'training loss', log: true },
    quantity: { rows: epochRows, y: (epoch) => epoch.trainLoss, format: formatLoss },
  });
}

export function evaluationLoss(section: Section): Chart {
  return curves(section, {
    title: `${capital(section.split)} loss`,
    note: 'Mean cross-entropy after the epoch.',
    x: { title: 'epoch', whole: true },
    y: { title: `${section.split} loss, nats`, log: true },
    quantity: { rows: epochRows, y: (epoch) => epoch.evaluationLoss, format: formatLoss },
  });
}

/** The training loss of single steps, where runs logged them. */
export function lossOfSteps(section: Section): Chart[] {
  if (!section.series.some(({ runs }) => runs.some(({ steps }) => steps.length > 0))) return [];
  const y = ({ updateLosses }: StepMetrics): number => {
    const names = Object.keys(updateLosses);
    return updateLosses[names[headIndex({ updates: names.map((name) => ({ name })) })]!]!;
  };
  return [
    curves(section, {
      title: 'Training loss of single steps',
      note: "Over one step's images, of the update with the network's head.",
      x: { title: 'step', whole: true },
      y: { title: 'training loss', log: true },
      quantity: { rows: stepRows, y, format: formatLoss },
    }),
  ];
}

/** Each metric of a plugin after each epoch. */
export function metricsByEpoch(section: Section): Chart[] {
  const all = section.series.flatMap(({ runs }) => runs.flatMap(({ epochs }) => epochs));
  const names = [...new Set(all.flatMap(({ metrics = {} }) => Object.keys(metrics)))];
  return names.map((name) => {
    const shown = visible(name);
    const rows: Rows<EpochMetrics> = {
      ...epochRows,
      of: ({ epochs }) => epochs.filter(({ metrics = {} }) => Object.hasOwn(metrics, name)),
    };
    return curves(section, {
      title: `Metric ${shown}`,
      note: `A plugin's, on the ${section.split} split.`,
      x: { title: 'epoch', whole: true },
      y: { title: shown },
      quantity: {
        rows,
        y: ({ metrics }) => metrics![name]!,
        format: (value) => `${shown} ${value.toPrecision(4)}`,
      },
    });
  });
}

interface CurvesOptions<Row> {
  readonly title: string;
  readonly note?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly quantity: Quantity<Row>;
}

/** A line for each run, thin where a series has several, and then a thick one of their mean. */
function curves<Row>({ series }: Section, { quantity, ...options }: CurvesOptions<Row>): Chart {
  const { rows } = quantity;
  let thinnest = 1;
  const drawnOf = (points: readonly Point[]): readonly Point[] => {
    const { kept, every } = thinned(points, rows.most ?? Infinity);
    thinnest = Math.max(thinnest, every);
    return kept;
  };
  const broken: string[] = [];
  const lines = series.flatMap(({ label, style, runs, counted }): Line[] => {
    const drawn = runs.filter((run) => rows.of(run).length > 0);
    const single = drawn.length === 1;
    const own = drawn.map((run): Line => {
      const name = `${label}, seed ${run.seed}`;
      const all = pointsOf(rows.of(run), quantity, name);
      const firstBroken = all.findIndex(({ y }) => !Number.isFinite(y));
      if (firstBroken >= 0) {
        broken.push(`${name}, from ${rows.unit} ${rows.at(rows.of(run)[firstBroken]!)}`);
      }
      const points = drawnOf(all);
      return {
        name,
        style,
        stroke: single ? 'normal' : 'thin',
        marked: single ? marks(points) : 'none',
        points,
      };
    });
    if (drawn.length < 2) return own;
    const averaged = counted.filter((run) => rows.of(run).length > 0);
    if (averaged.length === 0) return own;
    const name = `${label}, mean of ${averaged.length} runs`;
    const average = drawnOf(meanPoints(sharedRows(averaged, rows), quantity, name));
    return [...own, { name, style, stroke: 'normal', marked: marks(average), points: average }];
  });
  const notes = [
    options.note,
    series.some(({ runs }) => runs.length > 1)
      ? 'Thin lines are single runs, thick ones their mean.'
      : undefined,
    thinnest > 1 ? `Of a line every ${thinnest}th point at most is drawn.` : undefined,
    broken.length > 0 ? `Not finite: ${broken.join('; ')}.` : undefined,
  ];
  return chart({
    ...options,
    note: notes.filter((note) => note !== undefined).join(' '),
    legend: series.filter(({ runs }) => runs.some((run) => rows.of(run).length > 0)),
    lines,
  });
}

function pointsOf<Row>(
  own: readonly Row[],
  { rows: { at, unit }, x = (all, i) => at(all[i]!), y, format }: Quantity<Row>,
  name: string,
): Point[] {
  return own.map((row, i) => {
    const value = y(row);
    return { x: x(own, i), y: value, text: `${name}, ${unit} ${at(row)}: ${format(value)}` };
  });
}

/** The mean of the runs' points, row by row. */
function meanPoints<Row>(runs: readonly Row[][], quantity: Quantity<Row>, name: string): Point[] {
  const { rows, format } = quantity;
  const points = runs.map((own) => pointsOf(own, quantity, ''));
  return runs[0]!.map((row, i) => {
    const over = (of: (point: Point) => number): number => mean(points.map((own) => of(own[i]!)));
    const y = over((point) => point.y);
    return { x: over(({ x }) => x), y, text: `${name}, ${rows.unit} ${rows.at(row)}: ${format(y)}` };
  });
}

const marks = (points: readonly Point[]): Line['marked'] => (points.length <= fewPoints ? 'all' : 'last');

function secondsUntil(epochs: readonly EpochMetrics[]): number {
  return epochs.reduce(
    (sum, { trainSeconds, evaluationSeconds }) => sum + trainSeconds + evaluationSeconds,
    0,
  );
}

function timeUnit(longest: number): { name: string; seconds: number } {
  if (longest < 300) return { name: 's', seconds: 1 };
  return longest < 5 * 3600 ? { name: 'min', seconds: 60 } : { name: 'h', seconds: 3600 };
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

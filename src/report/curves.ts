import type { EpochMetrics } from '../train/events.js';
import { formatAccuracy } from '../core/text.js';
import { chart, type Axis, type Chart, type Line, type Point } from './plot.js';
import { mean } from '../core/stats.js';
import { type Section } from './series.js';

/** Up to so many points of a line are marked each; of a longer line only the last. */
const fewPoints = 12;

/** What a curve shows of each epoch. */
interface Quantity {
  readonly x: (epochs: readonly EpochMetrics[], i: number) => number;
  readonly y: (epoch: EpochMetrics) => number;
  readonly format: (value: number) => string;
}

const atEpoch: Quantity['x'] = (epochs, i) => epochs[i]!.epoch;
const percent = (share: number): number => 100 * share;
const formatPercent = (value: number): string => formatAccuracy(value / 100);
const formatLoss = (value: number): string => `loss ${value.toPrecision(4)}`;

/** Accuracy after each epoch. */
export function accuracyByEpoch(section: Section): Chart {
  return curves(section, {
    title: `${capital(section.split)} accuracy`,
    x: { title: 'epoch', whole: true },
    y: { title: `${section.split} accuracy, %`, least: 2 },
    quantity: { x: atEpoch, y: (epoch) => percent(epoch.evaluationAccuracy), format: formatPercent },
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
      x: (epochs, i) => secondsUntil(epochs.slice(0, i + 1)) / seconds,
      y: (epoch) => percent(epoch.evaluationAccuracy),
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
    quantity: { x: atEpoch, y: (epoch) => epoch.trainLoss, format: formatLoss },
  });
}

export function evaluationLoss(section: Section): Chart {
  return curves(section, {
    title: `${capital(section.split)} loss`,
    note: 'Mean cross-entropy after the epoch.',
    x: { title: 'epoch', whole: true },
    y: { title: `${section.split} loss, nats`, log: true },
    quantity: { x: atEpoch, y: (epoch) => epoch.evaluationLoss, format: formatLoss },
  });
}

interface CurvesOptions {
  readonly title: string;
  readonly note?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly quantity: Quantity;
}

/** A line for each run, thin where a series has several, and then a thick one of their mean. */
function curves({ series }: Section, { quantity, ...options }: CurvesOptions): Chart {
  const broken: string[] = [];
  const lines = series.flatMap(({ label, style, runs, counted }): Line[] => {
    const drawn = runs.filter(({ epochs }) => epochs.length > 0);
    const single = drawn.length === 1;
    const own = drawn.map(({ epochs, seed }): Line => {
      const name = `${label}, seed ${seed}`;
      const points = pointsOf(epochs, quantity, name);
      const firstBroken = points.findIndex(({ y }) => !Number.isFinite(y));
      if (firstBroken >= 0) broken.push(`${name}, from epoch ${firstBroken + 1}`);
      return {
        name,
        style,
        stroke: single ? 'normal' : 'thin',
        marked: single ? marks(points) : 'none',
        points,
      };
    });
    if (drawn.length < 2) return own;
    const name = `${label}, mean of ${counted.length} runs`;
    const average = meanPoints(
      counted.map(({ epochs }) => pointsOf(epochs, quantity, '')),
      (epoch, y) => `${name}, epoch ${epoch}: ${quantity.format(y)}`,
    );
    return [...own, { name, style, stroke: 'normal', marked: marks(average), points: average }];
  });
  const notes = [
    options.note,
    series.some(({ runs }) => runs.length > 1)
      ? 'Thin lines are single runs, thick ones their mean.'
      : undefined,
    broken.length > 0 ? `Not finite: ${broken.join('; ')}.` : undefined,
  ];
  return chart({
    ...options,
    note: notes.filter((note) => note !== undefined).join(' '),
    legend: series.filter(({ runs }) => runs.some(({ epochs }) => epochs.length > 0)),
    lines,
  });
}

function pointsOf(epochs: readonly EpochMetrics[], { x, y, format }: Quantity, name: string): Point[] {
  return epochs.map((epoch, i) => {
    const value = y(epoch);
    return { x: x(epochs, i), y: value, text: `${name}, epoch ${epoch.epoch}: ${format(value)}` };
  });
}

/** The mean of the runs' points, epoch by epoch, as far as all of them go. */
function meanPoints(runs: readonly Point[][], text: (epoch: number, y: number) => string): Point[] {
  const shared = Math.min(...runs.map((points) => points.length));
  return runs[0]!.slice(0, shared).map((_, i) => {
    const y = mean(runs.map((points) => points[i]!.y));
    return { x: mean(runs.map((points) => points[i]!.x)), y, text: text(i + 1, y) };
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

import { formatAccuracy, formatBytes, formatClock, formatRate, formatSeconds } from '../core/text.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../data/dataset.js';
import type { RunObserver } from '../runs/observer.js';
import { loneImageNote } from '../train/epoch-steps.js';
import type { EpochMetrics } from '../train/events.js';
import { colored } from './color.js';
import { cellsOf, displayOf, lineOf, startBar, type Bar, type ProgressStream } from './display.js';
import { followRuns, type Standing } from './run-progress.js';

/**
 * A bar for each run on an interactive terminal, a line for each epoch elsewhere; if quiet neither, and notes only if
 * they are for everybody.
 */
export function progressObserver(
  stream: ProgressStream,
  quiet: boolean,
  env: NodeJS.ProcessEnv = process.env,
): RunObserver {
  const display = displayOf(stream, quiet, env);
  if (display === 'nothing') {
    const note = noteTo(stream);
    const unlessQuiet: RunObserver['note'] = (message, always) => {
      if (always) note(message, always);
    };
    return { start: () => {}, event: () => {}, end: () => {}, note: unlessQuiet };
  }
  return display === 'bar' ? barObserver(stream) : lineObserver(stream);
}

function lineObserver(stream: ProgressStream): RunObserver {
  const follow = followRuns(() => performance.now() / 1000);
  return {
    start: follow.start,
    event: (event) => {
      const standing = follow.event(event);
      if (event.type === 'epoch-end') stream.write(`${epochLine(standing, event.metrics)}\n`);
    },
    end: follow.end,
    note: noteTo(stream),
  };
}

function noteTo(stream: ProgressStream): RunObserver['note'] {
  return (message) => void stream.write(`${message}\n`);
}

/** A line for each epoch stays, above the bar. */
function barObserver(stream: ProgressStream): RunObserver {
  let bar: Bar<Standing> | undefined;
  const follow = followRuns(() => performance.now() / 1000);
  return {
    start: (run) => {
      bar = startBar(stream, barLine, follow.start(run));
    },
    event: (event) => {
      const standing = follow.event(event);
      bar?.update(standing);
      if (event.type === 'epoch-end') stream.write(`${epochLine(standing, event.metrics)}\n`);
    },
    end: () => {
      follow.end();
      bar?.stop();
    },
    note: noteTo(stream),
  };
}

/** The bar's line, short enough for the terminal. */
export function barLine(standing: Standing, width: number): string {
  const { state } = standing;
  if (!state) return lineOf([nameOf(standing)], width);
  const { epoch, epochs, phase, step, steps, loss, imagesPerSecond, done, total } = state;
  const parts = [
    nameOf(standing),
    cellsOf(done, total),
    `epoch ${epoch}/${epochs}`,
    `${phase} ${step}/${steps}`,
    ...timeLeft(standing),
    loss === undefined ? '' : `loss ${loss.toFixed(3)}`,
    imagesPerSecond === undefined ? '' : `${formatRate(imagesPerSecond)} img/s`,
  ];
  return lineOf(parts, width);
}

function epochLine(standing: Standing, metrics: EpochMetrics): string {
  const { run } = standing;
  return [
    `${nameOf(standing)}: epoch ${metrics.epoch}/${run.epochs}`,
    `loss ${metrics.trainLoss.toFixed(3)}`,
    `${run.evaluatedOn} accuracy ${formatAccuracy(metrics.evaluationAccuracy)}`,
    `${formatRate(metrics.imagesPerSecond)} images/s`,
    `peak ${formatBytes(metrics.peakMemoryBytes)}`,
    formatSeconds(metrics.trainSeconds + metrics.evaluationSeconds),
    ...timeLeft(standing),
  ].join('  ');
}

/** `man, seed 2 (run 3 of 8)` */
function nameOf({ run: { label, seed, place } }: Standing): string {
  return `${label}, seed ${seed}${place === undefined ? '' : ` (run ${place.number} of ${place.of})`}`;
}

/** `ETA 1:15`, and of several runs `all 10:30`; nothing that is not known, or is over. */
function timeLeft({ run, state, secondsLeftOfAll }: Standing): string[] {
  const left = state?.secondsLeft;
  return [
    ...(left === undefined || left === 0 ? [] : [`ETA ${formatClock(left)}`]),
    ...(run.place === undefined || !secondsLeftOfAll ? [] : [`all ${formatClock(secondsLeftOfAll)}`]),
  ];
}

const secondsBetweenNotes = 5;

/** Says every few seconds how many image files have been found. */
export function scanNotes(quiet: boolean): (images: number) => void {
  let last = performance.now();
  return (images) => {
    const now = performance.now();
    if (now - last < 1000 * secondsBetweenNotes) return;
    last = now;
    notify(`looking for images, ${images} so far`, quiet);
  };
}

/** Says what is being measured, once that has taken a moment. */
export function slowNotes(quiet: boolean): (message: string) => void {
  const start = performance.now();
  return (message) => {
    if (performance.now() - start > 1000) notify(message, quiet);
  };
}

/**
 * Says what a data set's files were taken for otherwise than they lie there and, where it is to be trained on, if an
 * image has no place in a batch; also if quiet: results are of that.
 */
export function notifyOfData({ notes = [], train: { size } }: Dataset, training?: Config['train']): void {
  const lone = training && loneImageNote(size, training);
  for (const note of [...notes, ...(lone === undefined ? [] : [lone])]) notify(note, false);
}

/** Says on standard error what the user should know but need not act on. */
export function notify(notice: string | undefined, quiet: boolean): void {
  if (notice !== undefined && !quiet) process.stderr.write(colored(`note: ${notice}\n`, process.stderr));
}

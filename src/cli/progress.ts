import { formatAccuracy, formatBytes, formatClock, formatRate, formatSeconds } from '../core/text.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../data/dataset.js';
import type { RunObserver } from '../runs/observer.js';
import { loneImageNote } from '../train/epoch-steps.js';
import type { EpochMetrics } from '../train/events.js';
import { colored } from './color.js';
import { cellsOf, displayOf, lineOf, startBar, type Bar, type ProgressStream } from './display.js';
import { trackProgress, type ProgressState } from './progress-state.js';

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
  let label = '';
  let epochs = 0;
  let evaluatedOn = 'test';
  return {
    start: (run) => ({ label, epochs, evaluatedOn } = run),
    event: (event) => {
      if (event.type === 'epoch-end')
        stream.write(`${epochLine(label, event.metrics, epochs, evaluatedOn)}\n`);
    },
    end: () => {},
    note: noteTo(stream),
  };
}

function noteTo(stream: ProgressStream): RunObserver['note'] {
  return (message) => void stream.write(`${message}\n`);
}

function barObserver(stream: ProgressStream): RunObserver {
  let bar: Bar<ProgressState | undefined> | undefined;
  let label = '';
  let epochs = 0;
  let evaluatedOn = 'test';
  let track: ReturnType<typeof trackProgress> | undefined;
  let last: EpochMetrics | undefined;
  return {
    start: (run) => {
      ({ label, epochs, evaluatedOn } = run);
      last = undefined;
      track = trackProgress(run, () => performance.now() / 1000);
      const line = (state: ProgressState | undefined, width: number): string =>
        barLine(run.label, state, width);
      bar = startBar(stream, line, { total: 1, done: 0, shown: undefined });
    },
    event: (event) => {
      const state = track?.(event);
      if (!bar || !state) return;
      if (event.type === 'epoch-end') last = event.metrics;
      if (event.type === 'epoch-start') bar.setTotal(state.total);
      bar.update(state.done, state);
    },
    end: () => {
      bar?.stop();
      if (last) stream.write(`${epochLine(label, last, epochs, evaluatedOn)}\n`);
    },
    note: noteTo(stream),
  };
}

/** The bar's line, short enough for the terminal. */
export function barLine(label: string, state: ProgressState | undefined, width: number): string {
  if (!state) return label;
  const { epoch, epochs, phase, step, steps, loss, imagesPerSecond, secondsLeft, done, total } = state;
  const parts = [
    label,
    cellsOf(done, total),
    `epoch ${epoch}/${epochs}`,
    `${phase} ${step}/${steps}`,
    loss === undefined ? '' : `loss ${loss.toFixed(3)}`,
    imagesPerSecond === undefined ? '' : `${formatRate(imagesPerSecond)} img/s`,
    secondsLeft === undefined ? '' : `ETA ${formatClock(secondsLeft)}`,
  ];
  return lineOf(parts, width);
}

function epochLine(label: string, metrics: EpochMetrics, epochs: number, evaluatedOn: string): string {
  return [
    `${label}: epoch ${metrics.epoch}/${epochs}`,
    `loss ${metrics.trainLoss.toFixed(3)}`,
    `${evaluatedOn} accuracy ${formatAccuracy(metrics.evaluationAccuracy)}`,
    `${formatRate(metrics.imagesPerSecond)} images/s`,
    `peak ${formatBytes(metrics.peakMemoryBytes)}`,
    formatSeconds(metrics.trainSeconds + metrics.evaluationSeconds),
  ].join('  ');
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

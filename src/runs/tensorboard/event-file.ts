import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFully } from '../../core/files.js';
import {
  doubleField,
  floatField,
  integerField,
  message,
  messageField,
  textField,
  toBytes,
  type Encoded,
} from '../../formats/protobuf.js';
import type { EpochMetrics, StepMetrics } from '../../train/events.js';
import type { MetricsColumns } from '../metrics.js';
import { record } from '../../formats/tfrecord.js';
import { scalarsOf, stepScalarsOf } from './scalars.js';

/** TensorBoard's event file of one run, or of the part of a run since it was last resumed. */
export interface EventFile {
  readonly path: string;
  /** Adds an epoch's points; they are on disk when this returns. */
  write(epoch: EpochMetrics): void;
  close(): void;
}

/** The same of single steps. */
export interface StepEventFile {
  readonly path: string;
  /** Adds a step's points. */
  write(metrics: StepMetrics): void;
  close(): void;
}

/** TensorBoard looks for this in a file's name, and reads a folder's files in the order of their names. */
const prefix = 'events.out.tfevents.';

/** Fields of `Event`, `Summary`, `Summary.Value` and `SessionLog` in TensorBoard's event.proto and summary.proto. */
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 };
const summaryValue = 1;
const value = { tag: 1, simpleValue: 2 };
const sessionStatus = 1;
const sessionStart = 1;

/**
 * Opens a new event file in a run's folder, a step for each epoch. Older files of the folder stay: this one tells the
 * reader to forget their points from the last finished epoch on, and has that one again: a killed run may have written
 * points beyond what it can resume from, or not that one's. Where there are none, all finished epochs are written first.
 *
 * @param finished epochs done before this process
 */
export function openEventFile(
  folder: string,
  finished: readonly EpochMetrics[],
  columns: Omit<MetricsColumns, 'updates'>,
  now: () => number = Date.now,
): EventFile {
  const pointsOf = (epoch: EpochMetrics): Points => [epoch.epoch, scalarsOf(epoch, columns)];
  const file = openPoints(folder, now, (hasOlder) => {
    const again = (hasOlder ? finished.slice(-1) : finished).map(pointsOf);
    return { first: again[0]?.[0] ?? 1, again };
  });
  return {
    ...file,
    write(epoch) {
      file.write(pointsOf(epoch));
      file.sync();
    },
  };
}

/**
 * The same of single steps, which need a folder of their own: a reader forgets by steps, whatever they count.
 *
 * @param earlier steps done before this process
 */
export function openStepEventFile(
  folder: string,
  earlier: readonly StepMetrics[],
  now: () => number = Date.now,
): StepEventFile {
  mkdirSync(folder, { recursive: true });
  const pointsOf = (metrics: StepMetrics): Points => [metrics.runStep, stepScalarsOf(metrics)];
  const file = openPoints(folder, now, (hasOlder) => {
    const again = (hasOlder ? earlier.slice(-1) : earlier).map(pointsOf);
    return { first: again[0]?.[0] ?? 1, again };
  });
  return { ...file, write: (metrics) => file.write(pointsOf(metrics)) };
}

/** What is known of a step, by tag. */
type Points = readonly [step: number, values: readonly (readonly [tag: string, value: number])[]];

interface PointFile {
  readonly path: string;
  write(points: Points): void;
  /** Puts what was written on disk. */
  sync(): void;
  close(): void;
}

/** @param begin the step from which older files of the folder, if any, are to be forgotten, and what is written first */
function openPoints(
  folder: string,
  now: () => number,
  begin: (hasOlder: boolean) => { readonly first: number; readonly again: readonly Points[] },
): PointFile {
  const older = readdirSync(folder).filter((name) => name.startsWith(prefix));
  const path = join(folder, `${prefix}${nextStamp(older, now())}.locallearn`);
  const file = openSync(path, 'ax');
  const append = (step: number, ...fields: Encoded[]): void => {
    // A step of 0 is what a missing one means, and the first event of a file has none.
    const place = step === 0 ? [] : [integerField(event.step, step)];
    const stamp = [doubleField(event.wallTime, now() / 1000), ...place];
    writeFully(file, record(toBytes(message([...stamp, ...fields]))));
  };
  const write = ([step, points]: Points): void => {
    const values = points.map(([tag, number]) =>
      messageField(summaryValue, [textField(value.tag, tag), floatField(value.simpleValue, number)]),
    );
    append(step, messageField(event.summary, values));
  };
  const sync = (): void => fsyncSync(file);
  try {
    const { first, again } = begin(older.length > 0);
    append(0, textField(event.fileVersion, 'brain.Event:2'));
    append(first, messageField(event.sessionLog, [integerField(sessionStatus, sessionStart)]));
    again.forEach(write);
    sync();
  } catch (error) {
    closeSync(file);
    // Of a write the system tells the reason and not the file.
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
  return { path, write, sync, close: () => closeSync(file) };
}

/** Seconds since 1970, ten digits, later than those in the names of older files. */
function nextStamp(older: readonly string[], milliseconds: number): number {
  const stamps = older.map((name) => Number.parseInt(name.slice(prefix.length), 10));
  const last = Math.max(0, ...stamps.filter((stamp) => Number.isFinite(stamp)));
  return Math.max(Math.floor(milliseconds / 1000), last + 1);
}

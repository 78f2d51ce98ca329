import type * as tf from '@tensorflow/tfjs';
import type { MemoryMeter } from '../../engine/engine.js';
import { outOfMemoryIn } from '../../engine/out-of-memory.js';
import { withRankSums } from '../../engine/rank-sums.js';
import type { Part } from '../../distributed/blocks/part.js';
import type { Batch } from '../../local/batch.js';
import { freeStreams, type LentBlock, type Streams } from '../../local/update.js';
import { asItIs, type CapturedSteps, type StepUnderWay } from '../captured-steps.js';
import { microBatches, runOnParts, type MicroBatch } from '../micro-batches.js';
import type { StepCount } from '../rank-tally.js';
import type { Stepping } from './stepping.js';

/** A step under way. */
export interface RunningStep {
  /** Of each update that has run. */
  readonly losses: readonly number[];
  /** Of each update, in bytes. */
  readonly peaks: readonly number[];
  /**
   * Runs the updates from the next one on and steps them, but for those that follow values of the next rank.
   *
   * @param given what the rank before handed on, or this returned before; freed, however it ends. Of nothing the
   * first update reads the images
   * @param end the one that is not run any more
   * @returns what the next update reads; after the last one what the next rank does. The caller's
   * @throws UserError as `trainStep`; all is freed then
   */
  run(given: Streams, batch: Batch, end: number): Streams;
  /** Whether `finish` needs the values that the next rank leads with. */
  waits(): boolean;
  /**
   * Takes the step of updates that wait for them, then that of a block that the next rank trains too.
   *
   * @param whole gradient of that block's output; given up
   */
  finish(whole: tf.Tensor | undefined): void;
  /** Frees what has not been stepped: where `finish` is never called. */
  drop(): void;
}

/**
 * A step of a rank's updates.
 *
 * @param stepping what becomes of their gradients
 * @param giveBack is given what goes back to the rank before, where this one trains a block of it too, as soon as it is
 * known
 * @param microBatch how many images are run at a time
 * @param captured computes the updates as they were captured, once they were
 */
export function beginStep(
  part: Part,
  stepping: Stepping,
  meter: MemoryMeter,
  giveBack: (gradient: tf.Tensor) => void,
  microBatch: number,
  captured: CapturedSteps | undefined,
): RunningStep {
  const { updates } = part.strategy;
  const followed = new Set(part.follows);
  const losses: number[] = [];
  const peaks = updates.map(() => 0);
  const waiting: number[] = [];
  let lent: LentBlock | undefined;
  const measured = <T>(index: number, f: () => T): T => {
    meter.reset();
    const result = inUpdate(updates[index]!.name, f);
    peaks[index] = Math.max(peaks[index]!, meter.peak());
    return result;
  };
  const step = (index: number): void => {
    updates[index]!.after?.();
    stepping.step(index);
  };
  const stepLent = (below: readonly tf.Variable[], whole: tf.Tensor): void => {
    const found = lent!.finish(whole, below);
    lent = undefined;
    stepping.take(updates.length, new Map(below.map((variable, i) => [variable, found[i]!])));
    stepping.step(updates.length);
  };
  let at: StepUnderWay | undefined;
  const free = (): void => {
    lent?.dispose();
    stepping.free();
  };
  const release = (): void => updates.forEach((update) => update.release?.());
  const drop = (): void => {
    at?.end(false);
    at = asItIs;
    free();
    release();
  };
  const runUpdates = (given: Streams, batch: Batch, end: number): Streams => {
    const parts = handedTo(microBatches(batch, microBatch), given);
    const streams = (): Streams => handedOn(parts);
    const { compute } = (at ??= captured?.begin(batch, parts.length) ?? asItIs);
    try {
      for (const [index, update] of updates.entries()) {
        if (index < losses.length || index >= end) continue;
        measured(index, () => {
          const { loss, gradients } = runOnParts(update, parts, batch.size, compute);
          losses.push(loss);
          stepping.take(index, gradients);
          for (const at of parts) {
            const { back, ...rest } = at.streams!;
            at.streams = rest;
            if (back !== undefined) giveBack(back);
          }
          if (update.follows?.some((variable) => followed.has(variable)) === true) waiting.push(index);
          else step(index);
        });
      }
      stepping.keep();
      if (end < updates.length) return streams();
      lent = part.lends?.lend();
      release();
      at.end(true, true);
      at = asItIs;
      return lent === undefined ? streams() : { ...streams(), gradient: lent.gradient };
    } catch (error) {
      freeStreams(streams());
      drop();
      throw error;
    }
  };
  return {
    losses,
    peaks,
    run: (given, batch, end) => withRankSums(stepping.sums, () => runUpdates(given, batch, end)),
    waits: () => waiting.length > 0,
    finish(whole) {
      for (const index of waiting) measured(index, () => step(index));
      if (part.lends !== undefined)
        measured(updates.length - 1, () =>
          withRankSums(stepping.sums, () => stepLent(part.lends!.below, whole!)),
        );
      free();
    },
    drop,
  };
}

/** Micro-batches with the streams that were handed on of each: of several its number stands before their names. */
function handedTo(parts: readonly Batch[], given: Streams): MicroBatch[] {
  if (Object.keys(given).length === 0) return parts.map((part) => ({ part, streams: undefined }));
  if (parts.length === 1) return parts.map((part) => ({ part, streams: given }));
  return parts.map((part, i) => {
    const own = Object.entries(given).filter(([name]) => name.startsWith(`${i}/`));
    return { part, streams: Object.fromEntries(own.map(([name, x]) => [name.slice(`${i}/`.length), x])) };
  });
}

function handedOn(parts: readonly MicroBatch[]): Streams {
  if (parts.length === 1) return parts[0]!.streams ?? {};
  return Object.fromEntries(
    parts.flatMap(({ streams = {} }, i) => Object.entries(streams).map(([name, x]) => [`${i}/${name}`, x])),
  );
}

/** A step whose multiply-adds are counted. */
export function countedStep(step: RunningStep, count: StepCount): RunningStep {
  return {
    ...step,
    run: (given, batch, end) => count.during(() => step.run(given, batch, end)),
    finish(whole) {
      count.during(() => step.finish(whole));
      count.end();
    },
  };
}

/** The first update of a part that reads the block that the next rank trains too. */
export function firstOnLent({ strategy: { updates }, lends }: Part): number {
  const below = new Set(lends?.below);
  const first = updates.findIndex(({ variables, through = [] }) =>
    [...variables, ...through].some((variable) => below.has(variable)),
  );
  return first < 0 ? updates.length : first;
}

function inUpdate<T>(name: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw outOfMemoryIn(
      `update '${name}'`,
      'lower train.batchSize, or use more blocks (locallearn memory CONFIG --budget BYTES)',
      error,
    );
  }
}

import tf = require('@tensorflow/tfjs');
import type { MemoryMeter } from '../../engine/engine.js';
import { outOfMemoryIn } from '../../engine/out-of-memory.js';
import type { Part } from '../../distributed/blocks/part.js';
import type { Batch } from '../../local/batch.js';
import type { LentBlock, Streams } from '../../local/update.js';
import {
  addGradients,
  clippedGradients,
  freeGradients,
  stepReady,
  type PendingGradients,
} from '../gradients.js';
import { freeStreams, runUpdate } from '../run-update.js';
import type { Optimizer } from '../sgd.js';
import type { PlannedUpdate, StepPlan } from '../step.js';

/** What takes the steps of one rank's updates. */
export interface RankStepper {
  readonly part: Part;
  /** Of its updates alone. */
  readonly plan: StepPlan;
  /** Of the update that trains its last block from the next rank, where there is one. */
  readonly planAbove: PlannedUpdate | undefined;
  readonly optimizer: Optimizer;
  readonly meter: MemoryMeter;
}

/** A step under way. */
export interface RunningStep {
  /** Of each update that has run. */
  readonly losses: readonly number[];
  /** Of each update, in bytes. */
  readonly peaks: readonly number[];
  /**
   * Runs the updates from the next one on and steps them, but for those that follow values of the next rank.
   *
   * @param given what the rank before handed on, or this returned before; freed, however it ends
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
 * @param giveBack is given what goes back to the rank before, where this one trains a block of it too, as soon as it is
 * known
 */
export function beginStep(
  { part, plan, planAbove, optimizer, meter }: RankStepper,
  learningRate: number,
  giveBack: (gradient: tf.Tensor) => void,
): RunningStep {
  const { updates } = part.strategy;
  const followed = new Set(part.follows);
  const losses: number[] = [];
  const peaks = updates.map(() => 0);
  const pending: PendingGradients = new Map();
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
    stepReady(pending, plan[index]!.steps, optimizer, learningRate);
  };
  const stepLent = (below: readonly tf.Variable[], whole: tf.Tensor): void => {
    const found = lent!.finish(whole, below);
    lent = undefined;
    const gradients = new Map(below.map((variable, i) => [variable, found[i]!]));
    addGradients(pending, clippedGradients(gradients, planAbove!.clip));
    stepReady(pending, planAbove!.steps, optimizer, learningRate);
  };
  const free = (): void => {
    lent?.dispose();
    freeGradients(pending);
    pending.clear();
  };
  const release = (): void => updates.forEach((update) => update.release?.());
  const drop = (): void => {
    free();
    release();
  };
  const runUpdates = (given: Streams, batch: Batch, end: number): Streams => {
    let streams = given;
    try {
      for (const [index, update] of updates.entries()) {
        if (index < losses.length || index >= end) continue;
        measured(index, () => {
          const before = streams;
          // Running the update frees them, even where it throws.
          streams = {};
          const { loss, gradients, next } = runUpdate(update, before, batch);
          const { back, ...rest } = next;
          streams = rest;
          if (back !== undefined) giveBack(back);
          losses.push(loss);
          addGradients(pending, clippedGradients(gradients, plan[index]!.clip));
          if (update.follows?.some((variable) => followed.has(variable)) === true) waiting.push(index);
          else step(index);
        });
      }
      for (const gradient of pending.values()) tf.keep(gradient);
      if (end < updates.length) return streams;
      lent = part.lends?.lend();
      release();
      return lent === undefined ? streams : { ...streams, gradient: lent.gradient };
    } catch (error) {
      freeStreams(streams);
      drop();
      throw error;
    }
  };
  return {
    losses,
    peaks,
    run: runUpdates,
    waits: () => waiting.length > 0,
    finish(whole) {
      for (const index of waiting) measured(index, () => step(index));
      if (part.lends !== undefined) measured(updates.length - 1, () => stepLent(part.lends!.below, whole!));
      free();
    },
    drop,
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

import tf = require('@tensorflow/tfjs');
import type { MemoryMeter } from '../../engine/engine.js';
import { outOfMemoryIn } from '../../engine/out-of-memory.js';
import type { Part } from '../../distributed/blocks/part.js';
import type { Batch } from '../../local/batch.js';
import type { Streams } from '../../local/update.js';
import {
  addGradients,
  clippedGradients,
  freeGradients,
  stepReady,
  type PendingGradients,
} from '../gradients.js';
import { freeStreams, runUpdate } from '../run-update.js';
import type { Optimizer } from '../sgd.js';
import type { StepPlan } from '../step.js';

/** What takes the steps of one rank's updates. */
export interface RankStepper {
  readonly part: Part;
  /** Of its updates alone. */
  readonly plan: StepPlan;
  readonly optimizer: Optimizer;
  readonly meter: MemoryMeter;
}

/** A step whose updates have run, the last ones perhaps not yet with what they follow. */
export interface RunningStep {
  /** Of each update. */
  readonly losses: readonly number[];
  /** For the next rank; the caller's. */
  readonly streams: Streams;
  /** Whether `finish` needs the values that the next rank leads with. */
  readonly waits: boolean;
  /** Takes the step of updates that wait for them, and tells the peak of each update in bytes. */
  finish(): readonly number[];
  /** Frees what has not been stepped: where `finish` is never called. */
  drop(): void;
}

/**
 * Runs a rank's updates on a batch and steps them, but for those that follow values of the next rank: their optimiser
 * steps come with `finish`.
 *
 * @param streams what the rank before handed on; freed, however it ends
 * @throws UserError as `trainStep`
 */
export function runPart(
  { part, plan, optimizer, meter }: RankStepper,
  given: Streams,
  batch: Batch,
  learningRate: number,
): RunningStep {
  const { updates } = part.strategy;
  const followed = new Set(part.follows);
  const losses: number[] = [];
  const peaks = updates.map(() => 0);
  const waiting: { readonly index: number; readonly pending: PendingGradients }[] = [];
  let streams = given;
  const measured = <T>(index: number, f: () => T): T => {
    meter.reset();
    const result = inUpdate(updates[index]!.name, f);
    peaks[index] = Math.max(peaks[index]!, meter.peak());
    return result;
  };
  const step = (index: number, pending: PendingGradients): void => {
    updates[index]!.after?.();
    stepReady(pending, plan[index]!.steps, optimizer, learningRate);
  };
  const drop = (): void => {
    for (const { pending } of waiting.splice(0)) freeGradients(pending);
    for (const update of updates) update.release?.();
  };
  try {
    for (const [index, update] of updates.entries()) {
      measured(index, () => {
        const before = streams;
        // Running the update frees them, even where it throws.
        streams = {};
        const { loss, gradients, next } = runUpdate(update, before, batch);
        streams = next;
        losses.push(loss);
        const pending: PendingGradients = new Map();
        addGradients(pending, clippedGradients(gradients, plan[index]!.clip));
        if (update.follows?.some((variable) => followed.has(variable)) !== true) step(index, pending);
        else {
          for (const gradient of pending.values()) tf.keep(gradient);
          waiting.push({ index, pending });
        }
      });
    }
  } catch (error) {
    freeStreams(streams);
    drop();
    throw error;
  }
  return {
    losses,
    streams,
    waits: waiting.length > 0,
    finish() {
      for (const { index, pending } of waiting) measured(index, () => step(index, pending));
      drop();
      return peaks;
    },
    drop,
  };
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

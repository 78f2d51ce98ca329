import tf = require('@tensorflow/tfjs');
import type { MemoryMeter } from '../engine/engine.js';
import { isOutOfMemory, outOfMemoryIn } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import { nearest } from '../core/schema-problems.js';
import type { Batch } from '../local/batch.js';
import { updatesSchema } from '../local/forms.js';
import type { Strategy } from '../local/strategy.js';
import { freeStreams, type LocalUpdate } from '../local/update.js';
import { asItIs, type CapturedSteps } from './captured-steps.js';
import type { Clip } from './clip.js';
import {
  addGradients,
  clippedGradients,
  freeGradients,
  stepReady,
  type PendingGradients,
} from './gradients.js';
import { advance, microBatches, type MicroBatch } from './micro-batches.js';
import { NotFinite } from './run-update.js';
import type { Optimizer } from './optimizer.js';

/** What one training step came to. */
export interface StepResult {
  /** Loss of each update, in their order. */
  readonly losses: readonly number[];
  /** Peak memory in bytes while each update ran, in their order; empty without a meter. */
  readonly peakBytes: readonly number[];
}

/** What becomes of an update's gradients. */
export interface PlannedUpdate {
  /**
   * The variables that it is the last to change or to follow: stepped then, and not before. With each the factor of the
   * learning rate, which is that of the last update to change it.
   */
  readonly steps: ReadonlyMap<tf.Variable, number>;
  /** How its gradients are clipped, before those of other updates are added to them; undefined: not at all. */
  readonly clip?: Clip | undefined;
}

/** Of each update, in their order. */
export type StepPlan = readonly PlannedUpdate[];

/** What a plan makes of updates beside their order. */
export interface UpdateRecipe {
  /** Factors of the learning rate by the updates' names; 1 for those that are not named. */
  readonly rateFactors?: Readonly<Record<string, number>> | undefined;
  /** How gradients are kept small, each update's by themselves. */
  readonly clip?: Clip | undefined;
}

/**
 * Plans after which update each variable is stepped, and how.
 *
 * @throws UserError if there is a rate factor for an update that there is not
 */
export function planSteps(
  updates: readonly LocalUpdate[],
  { rateFactors = {}, clip }: UpdateRecipe = {},
): StepPlan {
  checkGiven('planSteps', { updates: updatesSchema }, { updates });
  refuseUnknown(Object.keys(rateFactors), updates);
  const lastUse = new Map<tf.Variable, number>();
  const factors = new Map<tf.Variable, number>();
  updates.forEach(({ name, variables, follows = [] }, i) => {
    const factor = Object.hasOwn(rateFactors, name) ? rateFactors[name]! : 1;
    for (const variable of variables) factors.set(variable, factor);
    for (const variable of [...variables, ...follows]) lastUse.set(variable, i);
  });
  return updates.map((_, i) => ({
    steps: new Map([...factors].filter(([variable]) => lastUse.get(variable) === i)),
    clip,
  }));
}

function refuseUnknown(given: readonly string[], updates: readonly LocalUpdate[]): void {
  const names = updates.map(({ name }) => name);
  const unknown = given.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new UserError(
    `train.rateFactors: there is no update "${unknown}"${nearest(unknown, names)}; the updates are ${names.join(', ')}`,
  );
}

/**
 * Runs one training step, the same for every method: for each update in order, the loss and its gradients, then the
 * optimiser, then everything is freed that the next update does not read.
 *
 * With micro-batches the gradients are those of the mean loss over the whole batch, and what else comes once a step does:
 * clipping, moving averages, the optimiser. Each update runs over all of them before the next one begins, so that the
 * gradients of one update alone are held, beside what all micro-batches hand on. Where an update keeps more than streams
 * for a later one, each micro-batch goes through all updates instead, and the gradients of all of them are held.
 *
 * @param plan of the strategy's updates, by `planSteps`
 * @param meter measures the peak of each update, where given
 * @param microBatch how many images are run at a time; default: all
 * @param captured of this strategy: computes the updates as they were captured, once they were
 * @throws UserError that names the first update whose loss is not finite, when the step is over, or the one for which
 *   memory does not suffice
 */
export function trainStep(
  strategy: Strategy,
  plan: StepPlan,
  optimizer: Optimizer,
  learningRate: number,
  batch: Batch,
  meter?: MemoryMeter,
  microBatch = batch.size,
  captured?: CapturedSteps,
): StepResult {
  const { updates } = strategy;
  const parts = microBatches(batch, microBatch).map((part): MicroBatch => ({ part, streams: undefined }));
  const held = updates.map((): tf.Scalar[] => []);
  const peakBytes = meter === undefined ? [] : updates.map(() => 0);
  const sums = updates.map((): PendingGradients => new Map());
  const pending: PendingGradients = new Map();
  let current = updates[0];
  const measured = (i: number, f: () => void): void => {
    current = updates[i];
    meter?.reset();
    f();
    if (meter !== undefined) peakBytes[i] = Math.max(peakBytes[i]!, meter.peak());
  };
  const run = (i: number, at: MicroBatch): void =>
    measured(i, () => {
      const { loss, gradients } = advance(at, (streams) =>
        step.compute(updates[i]!, streams, at.part, at.part.size / batch.size),
      );
      held[i]!.push(loss);
      addGradients(sums[i]!, gradients);
    });
  const finish = (i: number): void =>
    measured(i, () => {
      const { steps, clip } = plan[i]!;
      addGradients(pending, clippedGradients(sums[i]!, clip));
      sums[i] = new Map();
      updates[i]!.after?.();
      stepReady(pending, steps, optimizer, learningRate);
    });
  const release = (): void => updates.forEach((update) => update.release?.());
  const step = captured?.begin(batch, parts.length) ?? asItIs;
  let whole = false;
  try {
    if (parts.length > 1 && updates.some((update) => update.release !== undefined)) {
      for (const at of parts) {
        updates.forEach((_, i) => run(i, at));
        release();
      }
      updates.forEach((_, i) => finish(i));
    } else {
      updates.forEach((_, i) => {
        for (const at of parts) run(i, at);
        finish(i);
      });
    }
    whole = true;
    return { losses: readLosses(held, updates), peakBytes };
  } catch (error) {
    throw updateError(current!.name, error, strategy);
  } finally {
    tf.dispose(held);
    for (const { streams } of parts) if (streams !== undefined) freeStreams(streams);
    for (const gradients of [...sums, pending]) freeGradients(gradients);
    release();
    step.end(whole);
  }
}

/** Each update's loss over its micro-batches, all read at once: a GPU has not been waited for before. */
function readLosses(held: readonly (readonly tf.Scalar[])[], updates: readonly LocalUpdate[]): number[] {
  const values = tf.tidy(() => tf.stack(held.flat()).dataSync());
  let at = 0;
  return held.map((parts, i) => {
    let loss = 0;
    for (const value of values.subarray(at, (at += parts.length))) loss += value;
    if (Number.isFinite(loss)) return loss;
    throw new NotFinite(updates[i]!.name, loss);
  });
}

/** What to throw for what an update of a step threw. */
export function updateError(update: string, error: unknown, { blocks, network }: Strategy): unknown {
  if (!isOutOfMemory(error)) return error;
  const more = ', or use more blocks (locallearn memory CONFIG --budget BYTES)';
  const remedy = `lower train.batchSize${blocks < network.units.length ? more : ''}`;
  return outOfMemoryIn(`update '${update}'`, remedy, error);
}

import type * as tf from '@tensorflow/tfjs';
import type { MemoryMeter } from '../engine/engine.js';
import { detach } from '../engine/detached.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import { nearest } from '../core/schema-problems.js';
import type { Batch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import type { LocalUpdate, Streams } from '../local/update.js';
import type { Clip } from './clip.js';
import {
  addGradients,
  clippedGradients,
  freeGradients,
  stepReady,
  type PendingGradients,
} from './gradients.js';
import { freeStreams, runUpdate } from './run-update.js';
import type { Optimizer } from './sgd.js';

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
 * @param plan of the strategy's updates, by `planSteps`
 * @param meter measures the peak of each update, where given
 * @throws UserError that names the update if its loss is not finite, or if memory does not suffice
 */
export function trainStep(
  strategy: Strategy,
  plan: StepPlan,
  optimizer: Optimizer,
  learningRate: number,
  batch: Batch,
  meter?: MemoryMeter,
): StepResult {
  const pending: PendingGradients = new Map();
  const losses: number[] = [];
  const peakBytes: number[] = [];
  let streams: Streams = { x: detach(batch.images) };
  let current = strategy.updates[0];
  try {
    strategy.updates.forEach((update, i) => {
      current = update;
      meter?.reset();
      const { steps, clip } = plan[i]!;
      const given = streams;
      // Running the update frees them, even where it throws.
      streams = {};
      const { loss, gradients, next } = runUpdate(update, given, batch);
      streams = next;
      losses.push(loss);
      addGradients(pending, clippedGradients(gradients, clip));
      update.after?.();
      stepReady(pending, steps, optimizer, learningRate);
      if (meter !== undefined) peakBytes.push(meter.peak());
    });
  } catch (error) {
    throw outOfMemoryIn(
      `update '${current!.name}'`,
      'lower train.batchSize, or use more blocks (locallearn memory CONFIG --budget BYTES)',
      error,
    );
  } finally {
    freeStreams(streams);
    freeGradients(pending);
    for (const update of strategy.updates) update.release?.();
  }
  return { losses, peakBytes };
}

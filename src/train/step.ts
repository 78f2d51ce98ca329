import * as tf from '@tensorflow/tfjs';
import type { MemoryMeter } from '../engine/engine.js';
import { detach } from '../engine/detached.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { outsideTape } from '../engine/tape.js';
import { UserError } from '../core/errors.js';
import { nearest } from '../core/schema-problems.js';
import type { Batch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import type { LocalUpdate, Streams } from '../local/update.js';
import { clipGradients, type Clip } from './clip.js';
import type { Optimizer } from './sgd.js';

/** What one training step came to. */
export interface StepResult {
  /** Loss of each update, in their order. */
  readonly losses: readonly number[];
  /** Peak memory in bytes while each update ran, in their order; empty without a meter. */
  readonly peakBytes: readonly number[];
}

/** A loss that is no number any more. */
export class NotFinite extends UserError {
  constructor(
    readonly update: string,
    readonly loss: number,
  ) {
    super(`the loss of update '${update}' became ${loss}`);
  }
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
  const pending = new Map<tf.Variable, tf.Tensor>();
  const losses: number[] = [];
  const peakBytes: number[] = [];
  let streams: Streams = { x: detach(batch.images) };
  let current = strategy.updates[0];
  try {
    strategy.updates.forEach((update, i) => {
      current = update;
      meter?.reset();
      const { steps, clip } = plan[i]!;
      const { loss, next } = runUpdate(update, streams, batch, pending, clip);
      streams = next;
      losses.push(loss);
      if (!Number.isFinite(loss)) throw new NotFinite(update.name, loss);
      update.after?.();
      const ready = [...steps.keys()].filter((variable) => pending.has(variable));
      for (const factor of new Set(ready.map((variable) => steps.get(variable)!))) {
        const group = ready.filter((variable) => steps.get(variable) === factor);
        optimizer.step(
          group,
          group.map((variable) => pending.get(variable)!),
          learningRate * factor,
        );
      }
      for (const variable of ready) {
        pending.get(variable)!.dispose();
        pending.delete(variable);
      }
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
    for (const gradient of pending.values()) gradient.dispose();
    for (const update of strategy.updates) update.release?.();
  }
  return { losses, peakBytes };
}

/** Runs one update, adds its gradients to those pending, and frees the streams that are not handed on. */
function runUpdate(
  update: LocalUpdate,
  streams: Streams,
  batch: Batch,
  pending: Map<tf.Variable, tf.Tensor>,
  clip: Clip | undefined,
): { loss: number; next: Streams } {
  let next: Streams = {};
  const variables = [...new Set(update.variables)];
  const gradients = (): ReturnType<typeof tf.variableGrads> =>
    tf.variableGrads(() => {
      const result = update.forward(streams, batch);
      next = result.streams;
      return result.loss;
    }, variables);
  let computed: ReturnType<typeof tf.variableGrads>;
  try {
    computed = outsideTape(gradients);
  } catch (error) {
    freeStreams(next, streams);
    throw error;
  }
  const { value, grads } = computed;
  freeStreams(streams, next);
  const loss = value.dataSync()[0]!;
  value.dispose();
  const changed = variables.filter((variable) => (grads[variable.name] ?? null) !== null);
  const found = changed.map((variable) => grads[variable.name]!);
  const own = clip === undefined ? found : clipGradients(found, clip);
  for (const [i, variable] of changed.entries()) {
    const gradient = own[i]!;
    const sum = pending.get(variable);
    pending.set(variable, sum === undefined ? gradient : tf.add(sum, gradient));
    if (sum !== undefined) {
      sum.dispose();
      gradient.dispose();
    }
  }
  return { loss, next };
}

/** Frees those of an update's streams that it does not hand on. */
export function freeStreams(streams: Streams, next: Streams = {}): void {
  const kept = new Set(Object.values(next));
  for (const stream of Object.values(streams)) if (!kept.has(stream)) stream.dispose();
}

import tf = require('@tensorflow/tfjs');
import { outsideTape } from '../engine/tape.js';
import { UserError } from '../core/errors.js';
import type { Batch } from '../local/batch.js';
import type { LocalUpdate, Streams } from '../local/update.js';
import { freeGradients, type Gradients } from './gradients.js';

/** A loss that is no number any more. */
export class NotFinite extends UserError {
  constructor(
    readonly update: string,
    readonly loss: number,
  ) {
    super(`the loss of update '${update}' became ${loss}`);
  }
}

/** What an update came to on one batch, its loss where it was computed: reading it waits for all before it. */
export interface ComputedUpdate {
  /** Times its share; the caller's. */
  readonly loss: tf.Scalar;
  /** Of those of its variables that the loss depends on; they are the caller's. */
  readonly gradients: Gradients;
  /** Streams for the next update; they are the caller's. */
  readonly next: Streams;
}

/** What an update came to on one batch. */
export interface UpdateOutcome extends Omit<ComputedUpdate, 'loss'> {
  /** Times its share. */
  readonly loss: number;
}

/**
 * Runs one update on a batch: its loss, the gradients, and what it hands on. Changes no variable but running statistics.
 *
 * @param streams what the update before handed on; those that this one does not hand on are freed, however it ends
 * @param share factor of the loss, and so of its gradients: of a micro-batch its part of the batch
 */
export function computeUpdate(
  update: LocalUpdate,
  streams: Streams,
  batch: Batch,
  share = 1,
): ComputedUpdate {
  let next: Streams = {};
  const variables = [...new Set(update.variables)];
  const compute = (): ReturnType<typeof tf.variableGrads> =>
    tf.variableGrads(() => {
      const result = update.forward(streams, batch);
      next = result.streams;
      return share === 1 ? result.loss : tf.mul(result.loss, share);
    }, variables);
  let computed: ReturnType<typeof tf.variableGrads>;
  try {
    computed = outsideTape(compute);
  } catch (error) {
    freeStreams(next, streams);
    freeStreams(streams);
    throw isUnconnected(error) ? unconnected(update.name, error) : error;
  }
  freeStreams(streams, next);
  const gradients = new Map<tf.Variable, tf.Tensor>();
  for (const variable of variables) {
    const gradient = computed.grads[variable.name] ?? null;
    if (gradient !== null) gradients.set(variable, gradient);
  }
  return { loss: computed.value, gradients, next };
}

/**
 * `computeUpdate`, and reads the loss.
 *
 * @throws NotFinite if the loss is no number; nothing is left over then
 */
export function runUpdate(update: LocalUpdate, streams: Streams, batch: Batch): UpdateOutcome {
  const { loss: held, gradients, next } = computeUpdate(update, streams, batch);
  const loss = held.dataSync()[0]!;
  held.dispose();
  if (Number.isFinite(loss)) return { loss, gradients, next };
  freeStreams(next);
  freeGradients(gradients);
  throw new NotFinite(update.name, loss);
}

/** Whether TensorFlow.js found no way from any of the variables to the loss. */
function isUnconnected(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Cannot find a connection between any variable');
}

function unconnected(name: string, cause: unknown): UserError {
  return new UserError(
    `the loss of update '${name}' depends on none of its variables: nothing would be trained; make it of what they compute, with TensorFlow.js's own operations`,
    { cause },
  );
}

/** Frees those of an update's streams that it does not hand on. */
export function freeStreams(streams: Streams, next: Streams = {}): void {
  const kept = new Set(Object.values(next));
  for (const stream of Object.values(streams)) if (!kept.has(stream)) stream.dispose();
}

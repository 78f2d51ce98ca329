import tf = require('@tensorflow/tfjs');
import { freeingDetached } from '../engine/detached.js';
import { variableGradients } from '../engine/recording.js';
import { messageOf, UserError } from '../core/errors.js';
import type { Batch } from '../local/batch.js';
import { freeStreams, type LocalUpdate, type Streams } from '../local/update.js';
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

/** As `computeUpdate`. */
export type ComputeUpdate = (
  update: LocalUpdate,
  streams: Streams,
  batch: Batch,
  share?: number,
) => ComputedUpdate;

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
  let hasRun = false;
  const variables = [...new Set(update.variables)];
  let computed: ReturnType<typeof variableGradients>;
  try {
    computed = variableGradients(() => {
      const result = freeingDetached(() => update.forward(streams, batch));
      next = result.streams;
      // What the backward pass reads of them has been kept.
      freeStreams(streams, next);
      hasRun = true;
      return share === 1 ? result.loss : tf.mul(result.loss, share);
    }, variables);
  } catch (error) {
    freeStreams(next, streams);
    freeStreams(streams);
    throw hasRun && /disposed|reading 'backend'/.test(messageOf(error))
      ? readBehind(update.name, error)
      : error;
  }
  const { value: loss, gradients } = computed;
  if (gradients.size === 0) {
    loss.dispose();
    freeStreams(next);
    throw unconnected(update.name);
  }
  return { loss, gradients, next };
}

/**
 * Computes an update, and reads the loss.
 *
 * @param compute default: `computeUpdate`
 * @throws NotFinite if the loss is no number; nothing is left over then
 */
export function runUpdate(
  update: LocalUpdate,
  streams: Streams,
  batch: Batch,
  share = 1,
  compute: ComputeUpdate = computeUpdate,
): UpdateOutcome {
  const { loss: held, gradients, next } = compute(update, streams, batch, share);
  const loss = held.dataSync()[0]!;
  held.dispose();
  if (Number.isFinite(loss)) return { loss, gradients, next };
  freeStreams(next);
  freeGradients(gradients);
  throw new NotFinite(update.name, loss);
}

function unconnected(name: string): UserError {
  return new UserError(
    `the loss of update '${name}' depends on none of its variables: nothing would be trained; make it of what they compute, with TensorFlow.js's own operations`,
  );
}

/** TensorFlow.js says no more of a tensor that is freed than that it, or something of it, is not there. */
function readBehind(name: string, cause: unknown): UserError {
  return new UserError(
    `update '${name}': a gradient reads a tensor that is freed, as streams are when forward has returned: have the custom gradient save what it reads (tf.customGrad's save)`,
    { cause },
  );
}

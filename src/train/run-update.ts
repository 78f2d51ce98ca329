import tf = require('@tensorflow/tfjs');
import { variableGradients } from '../engine/recording.js';
import { UserError } from '../core/errors.js';
import type { Batch } from '../local/batch.js';
import { freeStreams, type LocalUpdate, type Streams } from '../local/update.js';
import { freeGradients, type Gradients } from './gradients.js';

export { freeStreams };

/** A loss that is no number any more. */
export class NotFinite extends UserError {
  constructor(
    readonly update: string,
    readonly loss: number,
  ) {
    super(`the loss of update '${update}' became ${loss}`);
  }
}

/** What an update came to on one batch. */
export interface UpdateOutcome {
  /** Times its share. */
  readonly loss: number;
  /** Of those of its variables that the loss depends on; they are the caller's. */
  readonly gradients: Gradients;
  /** Streams for the next update; they are the caller's. */
  readonly next: Streams;
}

/**
 * Runs one update on a batch: its loss, the gradients, and what it hands on. Changes no variable but running statistics.
 *
 * @param streams what the update before handed on; those that this one does not hand on are freed, however it ends
 * @param share factor of the loss, and so of its gradients: of a micro-batch its part of the batch
 * @throws NotFinite if the loss is no number; nothing is left over then
 */
export function runUpdate(update: LocalUpdate, streams: Streams, batch: Batch, share = 1): UpdateOutcome {
  let next: Streams = {};
  const variables = [...new Set(update.variables)];
  let computed: ReturnType<typeof variableGradients>;
  try {
    computed = variableGradients(() => {
      const result = update.forward(streams, batch);
      next = result.streams;
      // What the backward pass reads of them has been kept.
      freeStreams(streams, next);
      return share === 1 ? result.loss : tf.mul(result.loss, share);
    }, variables);
  } catch (error) {
    freeStreams(next, streams);
    freeStreams(streams);
    throw error;
  }
  const { value, gradients } = computed;
  const loss = value.dataSync()[0]!;
  value.dispose();
  if (gradients.size === 0) {
    freeStreams(next);
    throw unconnected(update.name);
  }
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

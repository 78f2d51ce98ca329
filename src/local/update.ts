import type * as tf from '@tensorflow/tfjs';
import type { Layer } from '../nn/layer.js';
import type { Batch } from './batch.js';
import type { Classifier } from './classifier.js';

/** Named feature tensors handed from update to update, all detached: `{ x }` in every built-in method. */
export type Streams = Readonly<Record<string, tf.Tensor>>;

/** What one local update computes. */
export interface UpdateResult {
  /** Mean over the batch. */
  readonly loss: tf.Scalar;
  /** For the next update, each made by `detach`. Streams that are not passed on are freed. */
  readonly streams: Streams;
}

/**
 * One gradient computation of a training step. Gradient isolation is structural: `forward` sees detached streams,
 * so no gradient reaches a variable of another update unless both list it.
 */
export interface LocalUpdate {
  /** `block 3`, `cascade 2–3`, `head`: unique in its strategy. */
  readonly name: string;
  /**
   * All that this update may change. A variable that several updates list is stepped once, after the last of them,
   * on the sum of the gradients.
   */
  readonly variables: readonly tf.Variable[];
  /** Variables of a block that its loss goes through too, and that a later update changes by it. */
  readonly through?: readonly tf.Variable[];
  /** Variables that `after` reads as they were when the step began: not stepped before it. */
  readonly follows?: readonly tf.Variable[];
  /**
   * Computes the loss, in training mode inside a gradient scope and a tidy.
   *
   * @param streams detached features; `{ x: images }` for the first update
   */
  forward(streams: Streams, batch: Batch): UpdateResult;
  /** Runs after this update's gradients and before its optimiser step. */
  after?(): void;
  /** Frees what it keeps for a later update; runs when a step ends, however it ends. */
  release?(): void;
  /** Where the update has a net that classifies. */
  readonly classifier?: Classifier;
  /**
   * What a process has to know to hold this update without the others' (block parallel). Left out where none can: what
   * it trains is trained by another update too, or through it.
   */
  readonly apart?: Apart;
}

/**
 * An update that trains one block, the last with the network's head, by streams from the updates before it and values
 * that it follows, and nothing else of other blocks.
 */
export interface Apart {
  /** The block, from 0. */
  readonly block: number;
  /** What it trains or keeps up beside the block and the head. */
  readonly nets: readonly Layer[];
  /** Whether its loss reads the batch's images; contexts of its units may besides. */
  readonly images: boolean;
}

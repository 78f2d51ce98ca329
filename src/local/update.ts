import type * as tf from '@tensorflow/tfjs';
import type { Layer } from '../nn/layer.js';
import type { Batch } from './batch.js';
import type { Classifier } from './classifier.js';

/** Named feature tensors handed from update to update, all detached: `{ x }` in every built-in method. */
export type Streams = Readonly<Record<string, tf.Tensor>>;

/** Frees those of an update's streams that it does not hand on. */
export function freeStreams(streams: Streams, next: Streams = {}): void {
  const kept = new Set(Object.values(next));
  for (const stream of Object.values(streams)) if (!kept.has(stream)) stream.dispose();
}

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
   * @param streams detached features, `{ x: images }` for the first update; when it returns, those are freed that it does
   * not hand on: an op's gradient reads what the op saved
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
 * that it follows, and nothing else of other blocks but what `across` says.
 */
export interface Apart {
  /** The block, from 0. */
  readonly block: number;
  /** What it trains or keeps up beside the block and the head. */
  readonly nets: readonly Layer[];
  /** Whether its loss reads the batch's images; contexts of its units may besides. */
  readonly images: boolean;
  /** Where it trains the block before its own too: how a process that has this one and one that has that share it. */
  readonly across?: Across;
}

/** How an update that trains the block before its own too is shared by the processes of these two blocks. */
export interface Across {
  /** What it trains of the block before. */
  readonly below: readonly tf.Variable[];
  /** Where the block before is, when its own updates have run: takes it out of what the step keeps. */
  lend(): LentBlock;
  /**
   * The rest of the update, where its own block is. It reads the stream `gradient` beside the features, what the block
   * before has so far, and hands on under `back` the whole gradient of that block's output.
   */
  readonly above: LocalUpdate;
}

/** A block that has run, and waits for the rest of its gradient to come back from another process. */
export interface LentBlock {
  /** Of its output, as far as it is known here; the caller's. */
  readonly gradient: tf.Tensor;
  /** Its last backward pass: gradients of the variables, in their order. `whole` is given up. */
  finish(whole: tf.Tensor, variables: readonly tf.Variable[]): tf.Tensor[];
  /** Frees what it keeps, in place of `finish`. */
  dispose(): void;
}

import type * as tf from '@tensorflow/tfjs';

/** What numbers travel as: `bfloat16` of tensors that TensorFlow.js takes for float32. */
export type WireType = tf.DataType | 'bfloat16';

/**
 * Processes that train together, each with a rank. Every call is asynchronous: libtorch's c10d moves the tensors on
 * threads of its own, and the JavaScript thread goes on launching kernels meanwhile. Every wait ends: at the group's
 * time-out, or as soon as the peer's connection breaks, with a UserError that names the peer's rank and host, what was
 * awaited and for how long.
 *
 * Calls of one kind are matched in order: the n-th `allReduce` of one rank belongs to the n-th of every other, and so
 * `broadcast`, `barrier` and `exchange`, so all ranks must make the same ones in the same order. `send` and `recv` are
 * matched by peer and tag, in order within one tag; shapes and dtypes of both ends must be the same. Either may come
 * first, and any number of sends, receives and collectives may be under way at once, each waited for by itself. Where
 * one fails, the whole group does: every call under way, and every later one, has the same error.
 *
 * A tensor that is given to a call must be neither disposed nor changed until its promise is settled (in the torch
 * engine an in-place op on a variable changes it).
 */
export interface ProcessGroup {
  readonly rank: number;
  /** How many ranks there are. */
  readonly size: number;
  /**
   * Sends a tensor of any dtype, in what the engine holds it in.
   *
   * @param tag 0 … 2^31 − 2, of the message: the receiver asks for it by the same
   * @returns settled when the tensor may be freed or changed, which is not before the peer has asked for it
   */
  send(tensor: tf.Tensor, to: number, tag?: number): Promise<void>;
  /**
   * Receives a tensor, which then is the caller's to dispose; no tidy scope tracks it.
   *
   * @param shape as it is sent
   * @param dtype as it is held: what comes as `bfloat16` is held so here too
   */
  recv(shape: readonly number[], dtype: WireType, from: number, tag?: number): Promise<tf.Tensor>;
  /** Sends bytes as they lie in JavaScript, such as a batch's images; they are copied before this returns. */
  sendBytes(bytes: Uint8Array, to: number, tag?: number): Promise<void>;
  /** Receives bytes that `sendBytes` sent, as many as `length`. */
  recvBytes(length: number, from: number, tag?: number): Promise<Uint8Array>;
  /**
   * Sums or averages tensors over the ranks, in place: each is a variable, or a tensor that shares its data with no
   * other. All of one dtype; a mean of float32 alone. They travel as one.
   */
  allReduce(tensors: readonly tf.Tensor[], op: 'sum' | 'mean'): Promise<void>;
  /**
   * As `allReduce` with `sum`, but nothing else runs here until it is done: for sums that a computation goes on with.
   *
   * @throws GroupFailed if it fails, which knows why
   */
  sumNow(tensors: readonly tf.Tensor[]): void;
  /** Gives the tensors of rank `from` to all, in place as `allReduce` does, all of one dtype. */
  broadcast(tensors: readonly tf.Tensor[], from: number): Promise<void>;
  /** Settled when all ranks have come here. @param what for messages: what is waited for */
  barrier(what: string): Promise<void>;
  /** Every rank's text, by rank: for agreeing on configs, versions, stops. */
  exchange(text: string): Promise<readonly string[]>;
  /**
   * Leaves the group: waits until all ranks are here, as one that leaves early makes its peers fail. After an error of
   * another call it does not wait, but ends what is under way.
   */
  close(): Promise<void>;
  /** Leaves the group because of an error of this rank's own, which the others' next wait fails with. */
  abandon(message: string): Promise<void>;
}

/** That a group has failed, where its reason has still to be found out. */
export class GroupFailed extends Error {
  constructor(readonly reason: Promise<Error>) {
    super('the process group has failed');
  }
}

/** What an error is told as: of a group that has failed, why it has. */
export function failureOf(error: unknown): Promise<unknown> {
  return error instanceof GroupFailed ? error.reason : Promise.resolve(error);
}

import tf = require('@tensorflow/tfjs');
import { messageOf, UserError } from '../core/errors.js';
import { plural } from '../core/text.js';
import type { TorchBackend } from '../engine/torch/backend.js';
import type { NativeDistributed, NativeGroup, NativeTensor } from '../engine/torch/native.js';
import { findBlame, leaveWord, stayForOthers, type Watch } from './blame.js';
import { gatherTexts } from './gather.js';
import { GroupFailed, type ProcessGroup, type WireType } from './process-group.js';

/** What is to be known of a group beside what talks in it. */
interface GroupPlace {
  /** Of all that were started, by their rank in this group: what messages name. */
  readonly names: readonly number[];
  readonly rank: number;
  readonly timeoutSeconds: number;
  /** Whether the store where all meet ends with this group. */
  readonly servesStore: boolean;
  /** The group of all ranks, where this one has some of them: it is joined before and left after it. */
  readonly within: C10dGroup | undefined;
}

/** A process group of libtorch's. */
export class C10dGroup implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly #watch: Watch;
  readonly #place: GroupPlace;
  #group: NativeGroup | undefined;
  #failure: Promise<UserError> | undefined;

  constructor(
    readonly backend: TorchBackend,
    readonly native: NativeDistributed,
    group: NativeGroup,
    place: GroupPlace,
  ) {
    const { names, rank, within } = place;
    this.rank = rank;
    this.size = names.length;
    this.#group = group;
    this.#place = place;
    const own = { native, board: group, self: names[rank]!, size: names.length };
    this.#watch = within === undefined ? own : within.#watch;
  }

  send(tensor: tf.Tensor, to: number, tag = 0): Promise<void> {
    const what = `${this.#name(to)} to take a tensor [${tensor.shape.join(', ')}]`;
    return this.#wait(what, to, (group) => this.native.send(group, this.backend.asHeld(tensor), to, tag));
  }

  async recv(shape: readonly number[], dtype: WireType, from: number, tag = 0): Promise<tf.Tensor> {
    const tensor = await this.#receive(shape, dtype, from, tag);
    return tf.keep(this.backend.wrap(tensor));
  }

  async sendBytes(bytes: Uint8Array, to: number, tag = 0): Promise<void> {
    const { native, device } = this.backend;
    const tensor = native.fromTypedArray(bytes, [bytes.length], 'uint8', device);
    const what = `${this.#name(to)} to take ${plural(bytes.length, 'byte')}`;
    try {
      await this.#wait(what, to, (group) => this.native.send(group, tensor, to, tag));
    } finally {
      tensor.dispose();
    }
  }

  async recvBytes(length: number, from: number, tag = 0): Promise<Uint8Array> {
    const tensor = await this.#receive([length], 'uint8', from, tag);
    const bytes = this.backend.native.read(tensor) as Uint8Array;
    tensor.dispose();
    return bytes;
  }

  #receive(shape: readonly number[], dtype: string, from: number, tag: number): Promise<NativeTensor> {
    const what = `a ${dtype} tensor [${shape.join(', ')}] from ${this.#name(from)}`;
    const { device } = this.backend;
    return this.#wait(what, from, (group) => this.native.recv(group, shape, dtype, device, from, tag));
  }

  allReduce(tensors: readonly tf.Tensor[], op: 'sum' | 'mean'): Promise<void> {
    return this.#allReduce(tensors, op, `the ${op} of ${plural(tensors.length, 'tensor')}`);
  }

  #allReduce(tensors: readonly tf.Tensor[], op: 'sum' | 'mean', what: string): Promise<void> {
    return this.#wait(what, undefined, (group) =>
      this.native.allReduce(group, tensors.map(this.#writable), op === 'mean'),
    );
  }

  sumNow(tensors: readonly tf.Tensor[]): void {
    if (this.#failure !== undefined) throw new GroupFailed(this.#failure);
    const group = this.#group;
    if (group === undefined) throw new Error('The process group is closed');
    const own = tensors.map(this.#writable);
    const began = performance.now();
    try {
      this.native.sumNow(group, own);
    } catch (error) {
      throw new GroupFailed(
        this.#fail(error, `the sum of ${plural(own.length, 'tensor')}`, undefined, began),
      );
    }
  }

  broadcast(tensors: readonly tf.Tensor[], from: number): Promise<void> {
    const what = `${plural(tensors.length, 'tensor')} that ${this.#name(from)} gives to all`;
    return this.#wait(what, from, (group) => this.native.broadcast(group, tensors.map(this.#writable), from));
  }

  async barrier(what: string): Promise<void> {
    const one = tf.keep(tf.tensor1d([1], 'int32'));
    try {
      await this.#allReduce([one], 'sum', `all ranks to come to ${what}`);
    } finally {
      one.dispose();
    }
  }

  exchange(text: string): Promise<readonly string[]> {
    const sum = (tensor: tf.Tensor): Promise<void> =>
      this.#allReduce([tensor], 'sum', 'what the ranks have to agree on');
    return gatherTexts(text, this.rank, this.size, sum);
  }

  async close(): Promise<void> {
    if (this.#group === undefined) return;
    if (this.#failure === undefined) await this.barrier('the end');
    await this.#leave();
  }

  async abandon(message: string): Promise<void> {
    if (this.#group === undefined) return;
    const { within = this, servesStore } = this.#place;
    const failure = this.#failure ?? within.#failure;
    // Where a group has failed, that is another rank's doing, and found out.
    if (failure === undefined) await leaveWord(this.#watch, message);
    else await failure;
    this.native.abort(this.#group);
    if (servesStore) await stayForOthers(this.#watch);
    await this.#leave();
  }

  async #leave(): Promise<void> {
    const group = this.#group;
    this.#group = undefined;
    if (group !== undefined) await this.native.close(group);
  }

  readonly #writable = (tensor: tf.Tensor): NativeTensor => {
    if (tensor instanceof tf.Variable) this.backend.writable(tensor as tf.Variable);
    return this.backend.held(tensor);
  };

  #name(rank: number): string {
    return `rank ${this.#place.names[rank]}`;
  }

  /** The first failure is every later call's, and of those under way, which it ends. */
  async #wait<T>(
    what: string,
    peer: number | undefined,
    begin: (group: NativeGroup) => Promise<T>,
  ): Promise<T> {
    if (this.#failure !== undefined) throw await this.#failure;
    if (this.#group === undefined) throw new Error('The process group is closed');
    // Outside of the handling of failures: what is thrown here is a wrong call, which nobody waits for.
    const under = begin(this.#group);
    const began = performance.now();
    try {
      return await under;
    } catch (error) {
      throw await this.#fail(error, what, peer, began);
    }
  }

  /** The failure of a part is that of all ranks, and found out once. */
  #fail(error: unknown, what: string, peer: number | undefined, began: number): Promise<UserError> {
    const { within = this } = this.#place;
    const failure = (this.#failure ??= within.#failure ?? this.#explain(error, what, peer, began));
    within.#failure ??= failure;
    return failure;
  }

  async #explain(error: unknown, what: string, peer: number | undefined, began: number): Promise<UserError> {
    const waited = secondsSince(began);
    const { names, timeoutSeconds } = this.#place;
    const late = (performance.now() - began) / 1000 >= timeoutSeconds * 0.99;
    const group = this.#group!;
    const found = await findBlame(this.#watch, group, names);
    const rank = found?.rank ?? (peer === undefined ? undefined : names[peer]);
    const who =
      rank === undefined ? 'another rank' : `rank ${rank} on ${this.native.hosts(this.#watch.board)[rank]}`;
    // The store stays, for who has not found out yet.
    this.native.abort(group);
    if (found?.state === 'failed') {
      return new UserError(`${this.#name(this.rank)}: ${who} failed: ${found.message}`, { cause: error });
    }
    const state =
      found?.state === 'gone'
        ? 'has ended, or is cut off'
        : late
          ? `did not come within ${waited}`
          : 'cut the connection';
    return new UserError(
      `${this.#name(this.rank)}: ${who} ${state}: waited ${waited} for ${what} (${reasonOf(error)})`,
      { cause: error },
    );
  }
}

/** For messages. @param since as `performance.now()` says it */
export function secondsSince(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Gloo's words without the place in its source. */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^\w+: /, '')
    .replace(/^\[[^\]]*\.(?:cc|h):\d+\] /, '');
}

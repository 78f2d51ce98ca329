import { bytesOf } from '../../core/bytes.js';
import type { SafeTensor } from '../../formats/safetensors.js';
import { tags } from '../../distributed/blocks/link.js';
import { receiveMessage, sendMessage } from '../../distributed/messages.js';
import type { ProcessGroup } from '../../distributed/process-group.js';
import type { TrainState } from '../state.js';

type Meta =
  | {
      readonly kind: 'tensor';
      readonly name: string;
      readonly shape: readonly number[];
      readonly wide: boolean;
    }
  | { readonly kind: 'end' };

/** The values of bytes, which are copied: they may lie anywhere. */
function valuesOf(bytes: Uint8Array, wide: boolean): Float32Array | BigInt64Array {
  const { buffer } = bytes.slice();
  return wide ? new BigInt64Array(buffer) : new Float32Array(buffer);
}

/** Sends tensors to another rank, one after another. */
export async function sendTensors(
  group: ProcessGroup,
  to: number,
  tensors: ReadonlyMap<string, SafeTensor>,
): Promise<void> {
  const send = (meta: Meta, bytes: readonly Uint8Array[]): Promise<number> =>
    sendMessage(group, to, tags.state, { meta, bytes });
  for (const [name, held] of tensors) {
    const wide = held.values instanceof BigInt64Array;
    if (!wide && !(held.values instanceof Float32Array)) {
      throw new Error(`${name} is neither of type F32 nor I64`);
    }
    await send({ kind: 'tensor', name, shape: held.shape, wide }, [bytesOf(held.values)]);
  }
  await send({ kind: 'end' }, []);
}

/** Receives what `sendTensors` sends. */
export async function receiveTensors(group: ProcessGroup, from: number): Promise<Map<string, SafeTensor>> {
  const tensors = new Map<string, SafeTensor>();
  for (;;) {
    const { meta, bytes } = await receiveMessage<Meta>(group, from, tags.state);
    if (meta.kind === 'end') return tensors;
    tensors.set(meta.name, { shape: meta.shape, values: valuesOf(bytes[0]!, meta.wide) });
  }
}

/**
 * Every rank's tensors on rank 0, which takes one rank's after another's.
 *
 * @returns undefined on all other ranks
 */
export async function gatherTensors<T extends SafeTensor>(
  group: ProcessGroup,
  own: ReadonlyMap<string, T>,
): Promise<ReadonlyMap<string, T> | undefined> {
  if (group.rank > 0) {
    await sendTensors(group, 0, own);
    return undefined;
  }
  const all = new Map(own);
  for (let rank = 1; rank < group.size; rank++) {
    for (const [name, held] of await receiveTensors(group, rank)) all.set(name, held as unknown as T);
  }
  return all;
}

/**
 * Numbers of every rank on rank 0, by rank, exact even where they are none.
 *
 * @returns undefined on all other ranks
 */
export async function gatherNumbers(
  group: ProcessGroup,
  own: Readonly<Record<string, readonly number[]>>,
): Promise<Readonly<Record<string, readonly number[]>>[] | undefined> {
  if (group.rank > 0) {
    const bytes = Object.values(own).map((values) => new Uint8Array(Float64Array.from(values).buffer));
    await sendMessage(group, 0, tags.state, { meta: Object.keys(own), bytes });
    return undefined;
  }
  const all = [own];
  for (let rank = 1; rank < group.size; rank++) {
    const { meta, bytes } = await receiveMessage<string[]>(group, rank, tags.state);
    const numbers = bytes.map((each) => [...new Float64Array(each.slice().buffer)]);
    all.push(Object.fromEntries(meta.map((name, i) => [name, numbers[i]!])));
  }
  return all;
}

/** What rank 0 tells the others before the first step. */
export interface Beginning {
  /** Whether somebody takes states: all ranks hand them in then. */
  readonly wantsState: boolean;
  /** Epochs that are done. */
  readonly epochs: number;
  readonly partial?: TrainState['partial'];
  /** Of the counters those of the receiver. */
  readonly counters?: TrainState['counters'];
}

/** Sends a rank what it begins with; its tensors where the run goes on. */
export async function sendBeginning(
  group: ProcessGroup,
  to: number,
  beginning: Beginning,
  tensors: TrainState['tensors'] | undefined,
): Promise<void> {
  await sendMessage(group, to, tags.state, { meta: beginning });
  if (tensors !== undefined) await sendTensors(group, to, tensors);
}

/** Receives what `sendBeginning` sends. */
export async function receiveBeginning(
  group: ProcessGroup,
): Promise<{ readonly beginning: Beginning; readonly tensors: TrainState['tensors'] | undefined }> {
  const { meta: beginning } = await receiveMessage<Beginning>(group, 0, tags.state);
  const tensors = beginning.counters === undefined ? undefined : await receiveTensors(group, 0);
  return { beginning, tensors: tensors as TrainState['tensors'] | undefined };
}

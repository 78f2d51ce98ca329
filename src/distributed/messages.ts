import type * as tf from '@tensorflow/tfjs';
import { heldBytes, heldInBfloat16 } from '../engine/held-in-bfloat16.js';
import type { ProcessGroup, WireType } from './process-group.js';

/** Data that JSON can hold, and what it can't, beside it. */
export interface Message<Meta> {
  readonly meta: Meta;
  readonly bytes?: readonly Uint8Array[];
  readonly tensors?: Readonly<Record<string, tf.Tensor>>;
}

/** What stands before a message: how long its parts are. */
interface Header {
  readonly meta: unknown;
  readonly bytes: readonly number[];
  readonly tensors: readonly (readonly [name: string, shape: readonly number[], dtype: WireType])[];
}

/**
 * Sends a message whose receiver needs to know nothing of its sizes.
 *
 * @param message its tensors are given up, and must stay as they are until the promise is settled; its bytes need not
 * @returns the bytes that are sent
 */
export async function sendMessage<Meta>(
  group: ProcessGroup,
  to: number,
  tag: number,
  { meta, bytes = [], tensors = {} }: Message<Meta>,
): Promise<number> {
  const full = bytes.filter(({ length }) => length > 0);
  const header: Header = {
    meta,
    bytes: bytes.map(({ length }) => length),
    tensors: Object.entries(tensors).map(([name, each]) => [name, each.shape, wireType(each)]),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(Uint32Array.of(text.length).buffer);
  const given = Object.values(tensors);
  // Before they are freed.
  const ofTensors = given.reduce((sum, each) => sum + heldBytes(each), 0);
  try {
    await Promise.all([
      group.sendBytes(length, to, tag),
      group.sendBytes(text, to, tag),
      ...full.map((part) => group.sendBytes(part, to, tag)),
      ...given.map((tensor) => group.send(tensor, to, tag)),
    ]);
  } finally {
    for (const tensor of given) tensor.dispose();
  }
  return [length, text, ...full].reduce((sum, part) => sum + part.length, ofTensors);
}

const wireType = (tensor: tf.Tensor): WireType => (heldInBfloat16(tensor) ? 'bfloat16' : tensor.dtype);

/**
 * Receives a message.
 *
 * @returns its tensors are the caller's to dispose
 */
export async function receiveMessage<Meta>(
  group: ProcessGroup,
  from: number,
  tag: number,
): Promise<Required<Message<Meta>>> {
  const length = await group.recvBytes(4, from, tag);
  const text = await group.recvBytes(
    new DataView(length.buffer, length.byteOffset).getUint32(0, true),
    from,
    tag,
  );
  const { meta, bytes, tensors } = JSON.parse(new TextDecoder().decode(text)) as Header;
  const parts = Promise.all(
    bytes.map((size) => (size === 0 ? Promise.resolve(new Uint8Array(0)) : group.recvBytes(size, from, tag))),
  );
  const received = Promise.all(tensors.map(([, shape, dtype]) => group.recv(shape, dtype, from, tag)));
  const [ownBytes, ownTensors] = await Promise.all([parts, received]);
  return {
    meta: meta as Meta,
    bytes: ownBytes,
    tensors: Object.fromEntries(tensors.map(([name], i) => [name, ownTensors[i]!])),
  };
}

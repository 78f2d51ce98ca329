import type * as tf from '@tensorflow/tfjs';
import type { ProcessGroup } from './process-group.js';

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
  readonly tensors: readonly (readonly [name: string, shape: readonly number[], dtype: tf.DataType])[];
}

/**
 * Sends a message whose receiver needs to know nothing of its sizes.
 *
 * @param message its tensors must stay as they are until the promise is settled, its bytes need not
 * @returns the bytes that are sent, when its tensors may be freed or changed
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
    tensors: Object.entries(tensors).map(([name, { shape, dtype }]) => [name, shape, dtype]),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(Uint32Array.of(text.length).buffer);
  await Promise.all([
    group.sendBytes(length, to, tag),
    group.sendBytes(text, to, tag),
    ...full.map((part) => group.sendBytes(part, to, tag)),
    ...Object.values(tensors).map((tensor) => group.send(tensor, to, tag)),
  ]);
  // All tensors that there are have four bytes a number.
  const numbers = Object.values(tensors).reduce((sum, { size }) => sum + size, 0);
  return [length, text, ...full].reduce((sum, part) => sum + part.length, 4 * numbers);
}

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

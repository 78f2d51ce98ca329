import tf = require('@tensorflow/tfjs');
import type { ProcessGroup } from '../../src/distributed/process-group.js';
import { fused } from '../../src/engine/fused/registry.js';
import { heldInBfloat16 } from '../../src/engine/held-in-bfloat16.js';

/** What was sent and not received yet, or is awaited and not sent yet. */
interface Channel {
  readonly sent: { readonly read: () => unknown; readonly taken: () => void }[];
  readonly wanted: ((value: unknown) => void)[];
}

/** The groups of all ranks, and what of them has not come to an end. */
export interface MemoryGroups {
  readonly groups: readonly ProcessGroup[];
  /** Messages that were sent and never received, or awaited and never sent: none when all is well. */
  left(): string[];
}

/**
 * Process groups of one process: every rank is a coroutine, and the ranks take turns on one engine. A send is read only
 * when it is received, so that a sender that changes or frees a tensor too early is found out.
 */
export function memoryGroups(size: number): MemoryGroups {
  const channels = new Map<string, Channel>();
  const channel = (from: number, to: number, tag: number | string): Channel => {
    const key = `${from} ${to} ${tag}`;
    const found = channels.get(key) ?? { sent: [], wanted: [] };
    channels.set(key, found);
    return found;
  };
  const put = (from: number, to: number, tag: number | string, read: () => unknown): Promise<void> =>
    new Promise((resolve) => {
      const { sent, wanted } = channel(from, to, tag);
      const receiver = wanted.shift();
      if (receiver === undefined) sent.push({ read, taken: resolve });
      else {
        receiver(read());
        resolve();
      }
    });
  const take = (from: number, to: number, tag: number | string): Promise<unknown> =>
    new Promise((resolve) => {
      const { sent, wanted } = channel(from, to, tag);
      const first = sent.shift();
      if (first === undefined) wanted.push(resolve);
      else {
        resolve(first.read());
        first.taken();
      }
    });
  const copyOf = (tensor: tf.Tensor): tf.Tensor => {
    const values = tensor.dataSync().slice();
    const copy = tf.keep(tf.tensor(values, tensor.shape, tensor.dtype));
    if (!heldInBfloat16(tensor)) return copy;
    const short = tf.tidy(() => tf.keep(fused().toBfloat16(copy)));
    copy.dispose();
    return short;
  };
  const groups = Array.from({ length: size }, (_, rank): ProcessGroup => {
    const exchange = async (text: string, tag = 'exchange'): Promise<string[]> => {
      const all = Array.from({ length: size }, (_, peer) => peer);
      const puts = all.map((peer) => put(rank, peer, tag, () => text));
      const texts = await Promise.all(all.map((peer) => take(peer, rank, tag) as Promise<string>));
      await Promise.all(puts);
      return texts;
    };
    const refuse = (): Promise<never> => Promise.reject(new Error('not in a group of one process'));
    return {
      rank,
      size,
      send: (tensor, to, tag = 0) => put(rank, to, tag, () => copyOf(tensor)),
      async recv(shape, dtype, from, tag = 0) {
        const tensor = (await take(from, rank, tag)) as tf.Tensor;
        const held = heldInBfloat16(tensor) ? 'bfloat16' : tensor.dtype;
        if (held !== dtype || !tf.util.arraysEqual(tensor.shape, [...shape])) {
          throw new Error(`asked for ${dtype} [${shape.join()}], got ${held} [${tensor.shape.join()}]`);
        }
        return tensor;
      },
      sendBytes(bytes, to, tag = 0) {
        const copy = bytes.slice();
        return put(rank, to, tag, () => copy);
      },
      async recvBytes(length, from, tag = 0) {
        const bytes = (await take(from, rank, tag)) as Uint8Array;
        if (bytes.length !== length) throw new Error(`asked for ${length} bytes, got ${bytes.length}`);
        return bytes;
      },
      exchange: (text) => exchange(text),
      barrier: async () => void (await exchange('', 'barrier')),
      close: async () => void (await exchange('', 'close')),
      abandon: () => Promise.resolve(),
      allReduce: refuse,
      sumNow() {
        throw new Error('not in a group of one process');
      },
      broadcast: refuse,
    };
  });
  return {
    groups,
    left: () =>
      [...channels].flatMap(([key, { sent, wanted }]) => [
        ...sent.map(() => `sent: ${key}`),
        ...wanted.map(() => `awaited: ${key}`),
      ]),
  };
}

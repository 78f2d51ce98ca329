import tf = require('@tensorflow/tfjs');
import { bytesOf } from '../../core/bytes.js';
import type { PixelValues } from '../../data/dataset.js';
import type { Streams } from '../../local/update.js';
import { receiveMessage, sendMessage, type Message } from '../messages.js';
import type { ProcessGroup } from '../process-group.js';

/** Tags of messages between neighbours: batches go up, the rest comes down. */
export const tags = { batch: 1, taken: 2, followed: 3, state: 4, back: 5 } as const;

/** What a rank hands on of a batch. */
export interface PassedBatch {
  readonly labels: Uint16Array;
  /** `[n, height, width, channels]`; undefined where no rank from here on reads them. */
  readonly images: PixelValues | undefined;
  /** The receiver's to free. */
  readonly streams: Streams;
}

/** The end of a pass over batches: whether all of them came, or somebody wants to stop. */
export interface PassEnd {
  readonly stopped: boolean;
}

/** What the images are that go with a batch. */
type PassedImages = 'none' | 'bytes' | 'floats';

type Meta = { readonly kind: 'batch'; readonly images: PassedImages } | ({ readonly kind: 'end' } & PassEnd);

/** What a link has come to. */
export interface LinkTally {
  /** Sent to the ranks beside it. */
  bytes: number;
  /** Spent waiting for the next rank to take batches or to lead on, or for the one before to send them. */
  waitSeconds: number;
}

/** Waits for other ranks, and counts how long. */
export async function waitingFor<T>(tally: Pick<LinkTally, 'waitSeconds'>, what: Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await what;
  tally.waitSeconds += (performance.now() - start) / 1000;
  return result;
}

/** Batches on their way to the next rank, at most so many that it has not taken yet. */
export interface Upward {
  /**
   * Sends a batch, when there is room for it. Its streams are given up.
   *
   * @returns when it is on its way
   */
  put(batch: PassedBatch): Promise<void>;
  /** Ends the pass: returns when the next rank has taken all its batches. */
  end(end: PassEnd): Promise<void>;
  /** What has been heard from above. */
  heard(): Heard;
}

/** What a rank tells the one before it with each batch that it takes. */
export interface Heard {
  /** Whether it, or a rank above it, wants to stop; once said, that stays. */
  readonly stopping: boolean;
  /** Loss of the network's head in the last step that is known; NaN before the first. */
  readonly loss: number;
}

const noRank: Upward = {
  put: ({ streams }) => Promise.resolve(void tf.dispose(Object.values(streams))),
  end: () => Promise.resolve(),
  heard: () => ({ stopping: false, loss: NaN }),
};

/** The way to the next rank; where there is none, what is put there is gone. */
export function linkUp(group: ProcessGroup, queue: number, tally: LinkTally): Upward {
  const to = group.rank + 1;
  if (to === group.size) return noRank;
  let heard: Heard = { stopping: false, loss: NaN };
  /** Of batches on their way: settled when they have been taken. */
  const underWay: Promise<void>[] = [];
  const send = async (message: Message<Meta>): Promise<void> => {
    // Several are under way at once: what was counted before is read when this one has gone.
    const bytes = await sendMessage(group, to, tags.batch, message);
    tally.bytes += bytes;
  };
  const taken = async (sent: Promise<void>): Promise<void> => {
    const [bytes] = await Promise.all([group.recvBytes(16, to, tags.taken), sent]);
    const [wish, loss] = new Float64Array(bytes.slice().buffer);
    heard = { stopping: heard.stopping || wish === 1, loss: loss! };
  };
  const room = async (most: number): Promise<void> => {
    const start = performance.now();
    while (underWay.length > most) await underWay.shift()!;
    tally.waitSeconds += (performance.now() - start) / 1000;
  };
  return {
    async put({ labels, images, streams }) {
      try {
        await room(queue - 1);
      } catch (error) {
        tf.dispose(Object.values(streams));
        throw error;
      }
      const bytes = [bytesOf(labels), ...(images === undefined ? [] : [bytesOf(images)])];
      const meta: Meta = { kind: 'batch', images: kindOf(images) };
      const waiting = taken(send({ meta, bytes, tensors: streams }));
      // It is awaited by the batch that needs its room.
      waiting.catch(() => {});
      underWay.push(waiting);
    },
    async end(end) {
      await send({ meta: { kind: 'end', ...end } });
      await room(0);
    },
    heard: () => heard,
  };
}

/**
 * A pass's batches from the rank before, so many of them received ahead.
 *
 * @param told what the rank before is told with each batch that is taken
 * @returns the generator's result is how the pass ended
 */
export async function* receiveBatches(
  group: ProcessGroup,
  queue: number,
  tally: LinkTally,
  told: () => Heard,
): AsyncGenerator<PassedBatch, PassEnd, undefined> {
  const from = group.rank - 1;
  type Received = Required<Message<Meta>>;
  const receive = (): Promise<Received> => receiveMessage<Meta>(group, from, tags.batch);
  const ahead: Promise<Received>[] = [];
  const fetch = (): void => {
    // One at a time, as a message has parts; and nothing is awaited after a pass's end.
    const next = ahead.at(-1)?.then((last) => (last.meta.kind === 'end' ? last : receive())) ?? receive();
    next.catch(() => {});
    ahead.push(next);
  };
  try {
    for (;;) {
      while (ahead.length < queue) fetch();
      const { meta, bytes, tensors } = await waitingFor(tally, ahead[0]!);
      if (meta.kind === 'end') return { stopped: meta.stopped };
      fetch();
      void ahead.shift();
      const { stopping, loss } = told();
      const bytesOfTold = new Uint8Array(Float64Array.of(stopping ? 1 : 0, loss).buffer);
      await group.sendBytes(bytesOfTold, from, tags.taken);
      tally.bytes += bytesOfTold.length;
      const [labels, images] = bytes;
      yield { labels: labelsOf(labels!), images: imagesOf(meta.images, images), streams: tensors };
    }
  } finally {
    // Where the pass is broken off by an error, what comes is nobody's.
    ahead.forEach(free);
  }
}

function free(late: Promise<Required<Message<Meta>>>): void {
  const dispose = ({ tensors }: Message<Meta>): void => tf.dispose(Object.values(tensors ?? {}));
  void late.then(dispose, () => {});
}

const labelsOf = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.slice().buffer);

function kindOf(images: PixelValues | undefined): PassedImages {
  if (images === undefined) return 'none';
  return images instanceof Uint8Array ? 'bytes' : 'floats';
}

function imagesOf(kind: PassedImages, bytes: Uint8Array | undefined): PixelValues | undefined {
  if (kind === 'none') return undefined;
  return kind === 'bytes' ? bytes : new Float32Array(bytes!.slice().buffer);
}

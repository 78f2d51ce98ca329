import tf = require('@tensorflow/tfjs');
import type { PixelValues } from '../../data/dataset.js';
import { tags, type PassedBatch } from '../../distributed/blocks/link.js';
import { receiveMessage, sendMessage } from '../../distributed/messages.js';
import { detach } from '../../engine/detached.js';
import { fused } from '../../engine/fused/registry.js';
import { scoped } from '../../engine/scoped.js';
import { createBatch, createLabels, type Batch, type Mixing } from '../../local/batch.js';
import type { Streams } from '../../local/update.js';
import { ownPartOf, type BlocksRun } from './run.js';

type Given = Pick<PassedBatch, 'labels' | 'images'>;

/** The batch that a rank reads; of one that is mixed its share. */
export function batchOf(run: BlocksRun, given: Given, mixing?: Mixing, smoothing?: number): Batch {
  const batch = wholeBatch(run, given, mixing, smoothing);
  if (mixing === undefined) return batch;
  const { first, size } = ownPartOf(run, batch.size);
  return size === batch.size ? batch : batch.part(first, first + size);
}

function wholeBatch(
  { part, dataset, strategy: { network } }: BlocksRun,
  { labels, images }: Given,
  mixing: Mixing | undefined,
  smoothing: number | undefined,
): Batch {
  if (images === undefined || !(part.reads || part.updates.first === 0)) {
    return createLabels(labels, network.classes, mixing, smoothing);
  }
  return createBatch(images, labels, dataset.imageShape, network.classes, dataset, mixing, smoothing);
}

/** What the first update reads: the images, or what came from the rank before, known to have no gradient. */
export function streamsOf(run: BlocksRun, given: Streams, batch: Batch): Streams {
  return run.feeds === undefined ? asHeld(run, given) : { x: detach(batch.images) };
}

/** What came from another rank as this one holds it; what is given is given up. */
export function asHeld({ options }: BlocksRun, given: Streams): Streams {
  return Object.fromEntries(
    Object.entries(given).map(([name, stream]) => {
      // What came as bfloat16 stays it only where features are held so.
      const held = options.precision === 'bf16' ? stream : fused().toFloat32(stream);
      const own = detach(held);
      tf.dispose([held, stream]);
      return [name, own];
    }),
  );
}

/** The gradients that go down where a block is trained from above. */
export interface WayBack {
  /** Sends one to the rank before, at once; it is given up. */
  give(gradient: tf.Tensor): void;
  /** The next one of the next rank's, the caller's. */
  take(): Promise<tf.Tensor>;
  /** Waits for all that were given. */
  end(): Promise<void>;
}

export function wayBack(run: BlocksRun): WayBack {
  const { group, link } = run;
  let given = Promise.resolve();
  const send = async (tensors: Streams): Promise<void> => {
    // Read when it has gone: others are counted meanwhile.
    const bytes = await sendMessage(group, group.rank - 1, tags.back, { meta: {}, tensors });
    link.bytes += bytes;
  };
  return {
    give(gradient) {
      const sent = send(travelling(run, { gradient }));
      given = Promise.all([given, sent]).then(() => {});
      // It is awaited at the pass's end.
      given.catch(() => {});
    },
    async take() {
      const { tensors } = await receiveMessage(group, group.rank + 1, tags.back);
      return scoped(() => asHeld(run, tensors)['gradient']!);
    },
    end: () => given,
  };
}

/** Streams as they travel; those given are given up. */
export function travelling({ transport }: BlocksRun, streams: Streams): Streams {
  if (transport === undefined) return streams;
  return Object.fromEntries(
    Object.entries(streams).map(([name, stream]) => {
      const short = scoped(() => tf.keep(fused().toBfloat16(stream)));
      stream.dispose();
      return [name, short];
    }),
  );
}

export function passedOn(
  { parts, group }: BlocksRun,
  images: PixelValues | undefined,
): PixelValues | undefined {
  return parts[group.rank + 1]?.images === true ? images : undefined;
}

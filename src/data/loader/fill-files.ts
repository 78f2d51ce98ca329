import { createAugmenter, createFinisher, drawCrop } from '../augment/augmenter.js';
import { mirror } from '../augment/mirror.js';
import { sampleStreams, type SampleStreams } from '../augment/streams.js';
import { BadImageError } from '../files/bad-image.js';
import type { BadImage, FileSplit, PixelValues } from '../dataset.js';
import type { BatchFiller, BatchPlan } from './batch-plan.js';
import { pathAt } from '../files/path-list.js';
import { shareOf } from './share.js';

/** Decodes, crops and augments one image of the split into bytes. */
type SampleDecoder = (index: number, streams: SampleStreams, target: PixelValues) => Promise<void>;

const aloneInBatch = 'is alone in its batch, of which all other images are bad';

/** Batches of image files, `lanes` of them decoded at once; nothing is kept from one to the next. */
export function createFileFiller(plan: BatchPlan, split: FileSplit, lanes: number): BatchFiller {
  const { imageShape, batchSize, share, seed, order, dropLone } = plan;
  const imageBytes = imageShape[0] * imageShape[1] * imageShape[2];
  let decoder: Promise<SampleDecoder> | undefined;
  return async (epoch, step, { images, labels }, isStopped) => {
    const decode = await (decoder ??= createSampleDecoder(plan, split));
    const start = step * batchSize;
    const own = shareOf(Math.min(batchSize, split.size - start), share);
    const first = start + own.first;
    const count = own.size;
    const bad = new Map<number, BadImage>();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count && !isStopped()) {
        const i = next++;
        const index = order[first + i]!;
        const target = images.subarray(i * imageBytes, (i + 1) * imageBytes);
        try {
          await decode(index, sampleStreams(seed, epoch, index), target);
        } catch (error) {
          if (!(error instanceof BadImageError)) throw error;
          bad.set(i, { index, path: pathAt(split.paths, index), reason: error.message });
        }
        labels[i] = split.labels[index]!;
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    let size = 0;
    for (let i = 0; i < count; i++) {
      if (bad.has(i)) continue;
      images.copyWithin(size * imageBytes, i * imageBytes, (i + 1) * imageBytes);
      labels[size++] = labels[i]!;
    }
    const left = [...bad].toSorted(([a], [b]) => a - b).map(([, image]) => image);
    if (!dropLone || size !== 1 || left.length === 0) return { size, bad: left };
    const at = Array.from({ length: count }, (_, i) => i).find((i) => !bad.has(i))!;
    const index = order[first + at]!;
    // The last of them: where bad images are an error, it is not this one that is told.
    const alone: BadImage = { index, path: pathAt(split.paths, index), reason: aloneInBatch, alone: true };
    return { size: 0, bad: [...left, alone] };
  };
}

/** Only now is the decoding library loaded: most data sets do without. */
async function createSampleDecoder(
  { augmentation, imageShape, mean, centreShare, background }: BatchPlan,
  split: FileSplit,
): Promise<SampleDecoder> {
  const { decodeCentre, decodeRectangle, openImageOf } = await import('../files/decode-file.js');
  if (augmentation === undefined) {
    return async (index, _streams, target) => {
      target.set(await decodeCentre(await openImageOf(split, index), centreShare, imageShape, background));
    };
  }
  const { crop, flip } = augmentation;
  if (crop.kind === 'padded') {
    const augment = createAugmenter(augmentation, imageShape, mean);
    return async (index, streams, target) => {
      const pixels = await decodeCentre(await openImageOf(split, index), centreShare, imageShape, background);
      augment(streams, pixels, 0, target, 0);
    };
  }
  const finish = createFinisher(augmentation, imageShape, mean);
  return async (index, streams, target) => {
    const image = await openImageOf(split, index);
    const { rectangle, flipped } = drawCrop(streams, crop, flip, image.width, image.height);
    target.set(await decodeRectangle(image, rectangle, imageShape, background));
    if (flipped) mirror(target, imageShape);
    finish?.(streams, target);
  };
}

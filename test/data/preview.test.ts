import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { openLoader } from '../../src/data/loader/loader.js';
import { previewImage } from '../../src/data/preview.js';
import { noiseSplit } from './helpers.js';

function dataset(classes: readonly string[], channels: 1 | 3): Dataset {
  const split = noiseSplit(20, 12 * 12 * channels, classes.length);
  return {
    name: 'noise',
    classes,
    imageShape: [12, 12, channels],
    mean: [0.5],
    std: [0.5],
    train: split,
    test: split,
    augmentation: { crop: { kind: 'padded', pad: 2, padMode: 'reflect' }, flip: true },
  };
}

async function decoded(png: Buffer): Promise<{ data: Buffer; width: number; height: number }> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  return { data, width: info.width, height: info.height };
}

it.each([1, 3] as const)('shows what training sees first, in %i channels', async (channels) => {
  const noise = dataset(['a', 'b'], channels);
  const { data, width } = await decoded(await previewImage(noise, { images: 5, seed: 7, augment: true }));
  const loader = openLoader(noise, noise.train, {
    batchSize: 5,
    seed: 7,
    shuffle: true,
    augment: true,
    dropLast: true,
    workers: 0,
    prefetch: 1,
  });
  for await (const { images } of loader.batches(1)) {
    // The first image stands at the first place, each pixel a square of 8 × 8.
    for (let y = 0; y < 12; y++) {
      for (let x = 0; x < 12; x++) {
        const at = ((8 + 8 * y + 3) * width + 8 + 8 * x + 3) * 3;
        const pixel = (y * 12 + x) * channels;
        const expected = [0, 1, 2].map((c) => images[pixel + (channels === 1 ? 0 : c)]!);
        expect([...data.subarray(at, at + 3)]).toEqual(expected);
      }
    }
    break;
  }
  await loader.close();
});

it('shows images as they are without augmentation, and no more than there are', async () => {
  const noise = dataset(['a'], 3);
  const few = await decoded(await previewImage(noise, { images: 1000, seed: 1, augment: false }));
  const all = await decoded(await previewImage(noise, { images: 20, seed: 1, augment: false }));
  expect(few).toEqual(all);
});

it('writes class names as text, whatever is in them', async () => {
  const names = [
    '</text><rect width="9999" height="9999" fill="#ff0000"/>',
    '<!-- & \u0000 \ud800 ]]> a name that is far too long for a cell of this size',
  ];
  const { data } = await decoded(
    await previewImage(dataset(names, 1), { images: 4, seed: 1, augment: false }),
  );
  let red = 0;
  let dark = 0;
  for (let at = 0; at < data.length; at += 3) {
    if (data[at]! > data[at + 1]! + 40) red++;
    if (data[at]! < 128) dark++;
  }
  expect(red).toBe(0);
  expect(dark).toBeGreaterThan(0);
});

import { expect, test } from 'vitest';
import { checkAugmentation, createAugmenter } from '../../../src/data/augment/augmenter.js';
import { createCutout } from '../../../src/data/augment/cutout.js';
import { sampleStreams } from '../../../src/data/augment/streams.js';
import type { Augmentation } from '../../../src/data/dataset.js';
import { randomStream } from '../../../src/core/random.js';
import { userMessage } from '../helpers.js';

const shape = [8, 8, 3] as const;
const plain: Augmentation = { crop: { kind: 'padded', pad: 2, padMode: 'reflect' }, flip: true };
const image = Uint8Array.from({ length: 192 }, (_, i) => (i * 77) % 256);

test('crop, flip and cutout make of floating-point numbers what they make of bytes, unrounded', () => {
  const crops = [plain.crop, { kind: 'resized', scale: [0.2, 1], ratio: [0.5, 2] }] as const;
  for (const [crop, tolerance] of [
    [crops[0], 0],
    [crops[1], 0.5],
  ] as const) {
    let unrounded = 0;
    for (let index = 0; index < 20; index++) {
      const augmentation: Augmentation = { crop, flip: true };
      const [bytes, target] = [new Uint8Array(192), new Float32Array(192)];
      const augment = createAugmenter(augmentation, shape, [0, 0, 0]);
      augment(sampleStreams(1, 1, index), image, 0, bytes, 0);
      augment(sampleStreams(1, 1, index), Float32Array.from(image), 0, target, 0);
      const farthest = Math.max(...target.map((value, i) => Math.abs(value - bytes[i]!)));
      expect(farthest).toBeLessThanOrEqual(tolerance);
      unrounded += target.filter((value) => !Number.isInteger(value)).length;
    }
    expect(unrounded > 0).toBe(crop.kind === 'resized');
  }
  const floats = new Float32Array(192);
  createCutout({ size: 4 }, shape, [-0.3, 7, 1e-9])(randomStream(3), floats);
  expect(new Set(floats)).toEqual(new Set([0, Math.fround(-0.3), 7, Math.fround(1e-9)]));
});

test.each(['colorJitter', 'randAugment'] as const)('%s of floating-point numbers is refused', async (key) => {
  const changes = {
    colorJitter: { brightness: 0.1, contrast: 0, saturation: 0, hue: 0 },
    randAugment: { operations: 2, magnitude: 9 },
  };
  const augmentation = { ...plain, [key]: changes[key] };
  expect(await userMessage(() => checkAugmentation(augmentation, shape, true))).toMatch(
    /^augmentation: colour jitter and RandAugment are for bytes, .* leave them out/,
  );
  checkAugmentation(augmentation, shape);
});

import tf = require('@tensorflow/tfjs');
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { createBatch } from '../../src/local/batch.js';
import { randomStream } from '../../src/core/random.js';
import { checkMixing } from '../../src/train/check-mixing.js';
import { drawMixing, symmetricBeta } from '../../src/train/mixup.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { contrasts, tinyMethods, tinyRun, tinyShape, titleOf } from '../support/tiny.js';

describe('λ', () => {
  const samples = 20_000;
  const drawn = (alpha: number): number[] => {
    const random = randomStream(1, 'beta', alpha);
    return Array.from({ length: samples }, () => symmetricBeta(alpha, random)).sort((a, b) => a - b);
  };

  /** The largest gap between the sample's distribution and F; above 1.95 / √n once in a thousand times. */
  const kolmogorov = (sorted: number[], cumulative: (x: number) => number): number =>
    Math.max(...sorted.map((x, i) => Math.abs(cumulative(x) - (i + 0.5) / sorted.length)));

  test.each<[string, number, (x: number) => number]>([
    ['uniform for α = 1', 1, (x) => x],
    ['the arcsine law for α = 1/2', 0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    ['3x² − 2x³ for α = 2', 2, (x) => x * x * (3 - 2 * x)],
  ])('is %s', (_, alpha, cumulative) => {
    expect(kolmogorov(drawn(alpha), cumulative)).toBeLessThan(1.95 / Math.sqrt(samples));
  });

  test.each([0.2, 0.01, 8])('has mean 1/2 and variance 1 / (8α + 4) for α = %f', (alpha) => {
    const values = drawn(alpha);
    const mean = values.reduce((sum, x) => sum + x, 0) / samples;
    const variance = values.reduce((sum, x) => sum + (x - 0.5) ** 2, 0) / samples;
    const expected = 1 / (8 * alpha + 4);
    expect(values.every((x) => x >= 0 && x <= 1)).toBe(true);
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(expected / samples));
    // The variance of (x − ½)² is at most that of a coin that gives 0 or ¼.
    expect(Math.abs(variance - expected)).toBeLessThan(
      4 * Math.sqrt((expected * (0.25 - expected)) / samples) + 1e-9,
    );
  });
});

describe('the draw of a step', () => {
  test('depends on seed, epoch and step, and gives each image one partner', () => {
    const one = drawMixing(0.4, 1, 2, 3, 64);
    expect(drawMixing(0.4, 1, 2, 3, 64)).toEqual(one);
    for (const other of [
      drawMixing(0.4, 2, 2, 3, 64),
      drawMixing(0.4, 1, 3, 3, 64),
      drawMixing(0.4, 1, 2, 4, 64),
    ]) {
      expect(other.share).not.toBe(one.share);
      expect(other.partners).not.toEqual(one.partners);
    }
    expect(Array.from(one.partners).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 64 }, (_, i) => i),
    );
  });

  test('partners are drawn evenly', () => {
    const counts = Array<number>(64).fill(0);
    for (let step = 0; step < 8000; step++) {
      const { partners } = drawMixing(1, 1, 1, step, 8);
      for (let i = 0; i < 8; i++) counts[8 * i + partners[i]!]!++;
    }
    // χ² with 49 degrees of freedom, four standard deviations.
    const statistic = counts.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(statistic).toBeLessThan(49 + 4 * Math.sqrt(98));
  });
});

describe('a mixed batch', () => {
  const normalization = { mean: [0.5], std: [0.25] };
  beforeAll(async () => void (await startEngine()));
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  test('has images, pixels and labels in shares of λ and 1 − λ', () => {
    const images = Uint8Array.of(0, 51, 102, 255);
    const mixing = { share: 0.75, partners: [1, 3, 2, 0] };
    const batch = createBatch(images, [0, 1, 2, 0], [1, 1, 1], 3, normalization, mixing);
    const pixels = [0.75 * 0 + 0.25 * 0.2, 0.75 * 0.2 + 0.25 * 1, 0.4, 0.75 * 1];
    expect([...batch.pixels().dataSync()].map((x) => x.toFixed(5))).toEqual(pixels.map((x) => x.toFixed(5)));
    expect([...batch.images.dataSync()].map((x) => x.toFixed(4))).toEqual(
      pixels.map((x) => ((x - 0.5) / 0.25).toFixed(4)),
    );
    expect(batch.labels.arraySync()).toEqual([
      [0.75, 0.25, 0],
      [0.25, 0.75, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect(() => batch.hardLabels()).toThrow(UserError);
  });

  test('unmixed, has its labels one-hot', () => {
    const batch = createBatch(Uint8Array.of(0, 255), Uint16Array.of(2, 0), [1, 1, 1], 3, normalization);
    expect(batch.hardLabels().arraySync()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect([...batch.images.dataSync()]).toEqual([-2, 2]);
  });

  test.each(sampleOf(tinyMethods, 4).map((options) => [titleOf(options), options] as const))(
    '%s steps on it, or says why not',
    (_, options) => {
      const run = tinyRun(options);
      try {
        const labels = Uint8Array.from({ length: 8 }, (_, i) => i % 4);
        const images = Uint8Array.from({ length: 8 * 192 }, (_, i) => (37 * i) % 256);
        const step = (): readonly number[] => {
          let losses: readonly number[] = [];
          tf.tidy(() => {
            const colours = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
            const mixing = drawMixing(1, 1, 1, 1, 8);
            losses = run.step(createBatch(images, labels, tinyShape, 4, colours, mixing)).losses;
          });
          return losses;
        };
        const check = (): void => checkMixing(run.strategy);
        if (contrasts(options)) {
          expect(step).toThrow(/train\.mixup: .*leave mixup out/);
          expect(check).toThrow(/train\.mixup: .*leave mixup out/);
        } else {
          expect(step().every(Number.isFinite)).toBe(true);
          expect(check).not.toThrow();
        }
      } finally {
        run.dispose();
      }
    },
  );
});

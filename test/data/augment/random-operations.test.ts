import { describe, expect, test, vi } from 'vitest';
import { createAugmenter, checkAugmentation } from '../../../src/data/augment/augmenter.js';
import { createColorJitter } from '../../../src/data/augment/color-jitter.js';
import { createCutout } from '../../../src/data/augment/cutout.js';
import { createRandAugment, operations } from '../../../src/data/augment/rand-augment.js';
import { sampleStreams } from '../../../src/data/augment/streams.js';
import * as tone from '../../../src/data/augment/tone.js';
import type { Augmentation } from '../../../src/data/dataset.js';
import { randomStream } from '../../../src/core/random.js';
import { userMessage } from '../helpers.js';

/** Within four standard deviations of its mean, k. */
function expectChiSquare(counts: readonly number[]): void {
  const expected = counts.reduce((sum, n) => sum + n, 0) / counts.length;
  const statistic = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  const k = counts.length - 1;
  expect(statistic).toBeLessThan(k + 4 * Math.sqrt(2 * k));
}

/** Kolmogorov–Smirnov against an even distribution, one in a thousand. */
function expectEven(values: readonly number[], from: number, to: number): void {
  const gaps = values
    .toSorted((a, b) => a - b)
    .map((x, i) => Math.abs((x - from) / (to - from) - (i + 0.5) / values.length));
  expect(Math.max(...gaps)).toBeLessThan(1.95 / Math.sqrt(values.length));
}

describe('cutout', () => {
  const shape = [12, 10, 3] as const;
  const mean = [0.2, 0.4, 0.6];

  test('fills a square with the mean colour, its centre even over the image, cut at the border', () => {
    const cut = createCutout({ size: 4 }, shape, mean);
    const centres = Array<number>(120).fill(0);
    for (let i = 0; i < 24_000; i++) {
      const pixels = new Uint8Array(360).fill(255);
      cut(sampleStreams(1, 1, i)('cutout'), pixels);
      // The stream's own draws tell the centre; the definition tells the pixels.
      const random = sampleStreams(1, 1, i)('cutout');
      const [y, x] = [random.below(12), random.below(10)];
      centres[10 * y + x]!++;
      if (i >= 500) continue;
      const expected = Array.from({ length: 120 }, (_, p) => {
        const [row, column] = [Math.floor(p / 10), p % 10];
        const inside = row >= y - 2 && row < y + 2 && column >= x - 2 && column < x + 2;
        return inside ? [51, 102, 153] : [255, 255, 255];
      });
      expect([...pixels]).toEqual(expected.flat());
    }
    expectChiSquare(centres);
  });

  test('how much is cut, on average: the border takes its part', () => {
    const cut = createCutout({ size: 4 }, shape, mean);
    let sum = 0;
    const samples = 4000;
    for (let i = 0; i < samples; i++) {
      const pixels = new Uint8Array(360).fill(255);
      cut(sampleStreams(2, 1, i)('cutout'), pixels);
      sum += pixels.reduce((n, value) => n + (value === 51 ? 1 : 0), 0);
    }
    // Of n rows, a span of 4 that begins 2 before its centre covers 4 but near the border: (4n − 2 − 1 − 1) / n.
    const rows = (4 * 12 - 4) / 12;
    const columns = (4 * 10 - 4) / 10;
    expect(sum / samples).toBeGreaterThan(rows * columns - 0.3);
    expect(sum / samples).toBeLessThan(rows * columns + 0.3);
  });

  test('an odd side, and one larger than the image', () => {
    const pixels = new Uint8Array(25).fill(9);
    const at = (y: number, x: number): void => {
      pixels.fill(9);
      const draws = [y, x];
      createCutout({ size: 3 }, [5, 5, 1], [1])({ ...randomStream(0), below: () => draws.shift()! }, pixels);
    };
    at(2, 2);
    expect(pixels.filter((value) => value === 255)).toHaveLength(9);
    expect([pixels[6], pixels[18]]).toEqual([255, 255]);
    at(0, 4);
    expect([...pixels.keys()].filter((i) => pixels[i] === 255)).toEqual([3, 4, 8, 9]);
    createCutout({ size: 99 }, [5, 5, 1], [0])(randomStream(1), pixels);
    expect([...pixels]).toEqual(Array(25).fill(0));
  });
});

describe('RandAugment', () => {
  const shape = [4, 4, 3] as const;

  test('has the fourteen operations of the paper', () => {
    expect(operations.map(({ name }) => name).toSorted()).toEqual(
      [
        ...['identity', 'auto-contrast', 'equalize', 'rotate', 'solarize', 'saturation', 'posterize'],
        ...['contrast', 'brightness', 'sharpness', 'shear-x', 'shear-y', 'translate-x', 'translate-y'],
      ].toSorted(),
    );
  });

  test('draws N operations evenly and independently, signs half and half, all at M / 30', () => {
    const calls: { name: string; level: number }[] = [];
    const spies = operations.map((operation) =>
      vi.spyOn(operation, 'apply').mockImplementation((_pixels, _shape, level) => {
        calls.push({ name: operation.name, level });
      }),
    );
    try {
      const augment = createRandAugment({ operations: 2, magnitude: 12 }, shape);
      const pairs = Array<number>(196).fill(0);
      const indexOf = (name: string): number => operations.findIndex((operation) => operation.name === name);
      const samples = 39_200;
      let [turned, signed] = [0, 0];
      const seen = { counts: new Set<number>(), signed: new Set<number>(), others: new Set<number>() };
      for (let i = 0; i < samples; i++) {
        augment(sampleStreams(1, 1, i)('rand-augment'), new Uint8Array(48));
        seen.counts.add(calls.length);
        const [first, second] = calls.splice(0) as [(typeof calls)[0], (typeof calls)[0]];
        pairs[14 * indexOf(first.name) + indexOf(second.name)]!++;
        for (const { name, level } of [first, second]) {
          const isSigned = operations[indexOf(name)]!.signed;
          seen[isSigned ? 'signed' : 'others'].add(level);
          if (isSigned) signed++;
          if (level < 0) turned++;
        }
      }
      expect(seen).toEqual({
        counts: new Set([2]),
        signed: new Set([0.4, -0.4]),
        others: new Set([0.4]),
      });
      expectChiSquare(pairs);
      expect(Math.abs(signed / (2 * samples) - 9 / 14)).toBeLessThan(0.01);
      expect(Math.abs(turned - signed / 2)).toBeLessThan(4 * Math.sqrt(signed / 4));
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  test.each([
    // torchvision's ranges at magnitude 15 of 30: half of 0.3, 150/331 of the side, 30°, 0.9, four bits, 255.
    ['brightness', 0.5, (pixels: Uint8Array) => tone.brightness(pixels, [8, 8, 3], 1.45)],
    ['brightness', -0.5, (pixels: Uint8Array) => tone.brightness(pixels, [8, 8, 3], 0.55)],
    ['contrast', 0.5, (pixels: Uint8Array) => tone.contrast(pixels, [8, 8, 3], 1.45)],
    ['saturation', -0.5, (pixels: Uint8Array) => tone.saturation(pixels, [8, 8, 3], 0.55)],
    ['sharpness', 0.5, (pixels: Uint8Array) => tone.sharpness(pixels, [8, 8, 3], 1.45)],
    ['posterize', 0.5, (pixels: Uint8Array) => tone.posterize(pixels, [8, 8, 3], 6)],
    ['solarize', 0.5, (pixels: Uint8Array) => tone.solarize(pixels, [8, 8, 3], 127.5)],
    ['equalize', 0.5, (pixels: Uint8Array) => tone.equalize(pixels, [8, 8, 3], 0)],
    ['auto-contrast', 0.5, (pixels: Uint8Array) => tone.autoContrast(pixels, [8, 8, 3], 0)],
    ['identity', 0.5, () => {}],
  ] as const)('%s at a level of %f', (name, level, direct) => {
    const pixels = Uint8Array.from({ length: 192 }, (_, i) => 20 + ((i * 53) % 200));
    const expected = pixels.slice();
    direct(expected);
    operations.find((operation) => operation.name === name)!.apply(pixels, [8, 8, 3], level);
    expect([...pixels]).toEqual([...expected]);
  });

  test('moves by 150 / 331 of the side at most, whole pixels: 7.25 → 7 of 16 columns, 4.5 → 4 of 10 rows', () => {
    const shape = [10, 16, 1] as const;
    const pixels = (): Uint8Array => Uint8Array.from({ length: 160 }, (_, i) => 1 + (i % 255));
    const right = pixels();
    operations.find(({ name }) => name === 'translate-x')!.apply(right, shape, 1);
    expect([...right.subarray(0, 9)]).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 2]);
    const up = pixels();
    operations.find(({ name }) => name === 'translate-y')!.apply(up, shape, -1);
    expect([up[0], up[96]]).toEqual([65, 0]);
  });
});

describe('colour jitter', () => {
  const shape = [1, 2, 3] as const;

  test('brightness: a factor even over 1 − b … 1 + b', () => {
    const jitter = createColorJitter({ brightness: 0.4, contrast: 0, saturation: 0, hue: 0 }, [1, 1, 1]);
    const factors = Array.from({ length: 5000 }, (_, i) => {
      const pixels = Uint8Array.of(150);
      jitter(sampleStreams(1, 1, i)('color-jitter'), pixels);
      return (pixels[0]! + 0.5) / 150;
    });
    expectEven(factors, 0.6, 1.4);
  });

  test('a spread above 1 goes down to a factor of 0, not below', () => {
    const jitter = createColorJitter({ brightness: 1.5, contrast: 0, saturation: 0, hue: 0 }, [1, 1, 1]);
    const factors = Array.from({ length: 5000 }, (_, i) => {
      const pixels = Uint8Array.of(100);
      jitter(sampleStreams(1, 1, i)('color-jitter'), pixels);
      return (pixels[0]! + 0.5) / 100;
    });
    expectEven(factors, 0, 2.5);
  });

  test('the hue’s turn is even over −h … h', () => {
    const jitter = createColorJitter({ brightness: 0, contrast: 0, saturation: 0, hue: 0.1 }, [1, 1, 3]);
    const turns = Array.from({ length: 5000 }, (_, i) => {
      // From pure red, green rises by the turn or blue by its opposite, a sixth of the circle for all 255.
      const pixels = Uint8Array.of(255, 0, 0);
      jitter(sampleStreams(1, 1, i)('color-jitter'), pixels);
      return (pixels[1]! - pixels[2]!) / 255 / 6;
    });
    expectEven(turns, -0.1, 0.1);
  });

  test('the four in any order, each as often', () => {
    const names = ['brightness', 'contrast', 'saturation'] as const;
    const full = createColorJitter({ brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.2 }, shape);
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const pixels = Uint8Array.of(200, 90, 40, 10, 60, 180);
      full(sampleStreams(3, 1, i)('color-jitter'), pixels);
      seen.add([...pixels].join());
    }
    expect(seen.size).toBeGreaterThan(190);
    // What is 0 draws nothing and changes nothing: the order of the other two remains.
    for (const name of names) {
      const off = createColorJitter(
        { brightness: 0, contrast: 0, saturation: 0, hue: 0, [name]: 0.5 },
        shape,
      );
      const pixels = Uint8Array.of(200, 90, 40, 10, 60, 180);
      off(sampleStreams(3, 1, 1)('color-jitter'), pixels);
      expect([...pixels]).not.toEqual([200, 90, 40, 10, 60, 180]);
    }
  });

  test('order matters and is drawn: both orders of brightness and contrast, half and half', () => {
    const jitter = createColorJitter({ brightness: 0.9, contrast: 0.9, saturation: 0, hue: 0 }, [1, 2, 1]);
    const samples = 2000;
    let brightFirst = 0;
    let decided = 0;
    for (let i = 0; i < samples; i++) {
      const found = Uint8Array.of(20, 230);
      jitter(sampleStreams(5, 1, i)('color-jitter'), found);
      // Replay the stream: a permutation of four, then the factors in the order of use.
      const inOrder = (first: 'brightness' | 'contrast'): string => {
        const random = sampleStreams(5, 1, i)('color-jitter');
        for (let k = 0; k < 3; k++) random.uniform();
        const pixels = Uint8Array.of(20, 230);
        for (const name of [first, first === 'brightness' ? 'contrast' : 'brightness'] as const) {
          tone[name](pixels, [1, 2, 1], 0.1 + 1.8 * random.uniform());
        }
        return [...pixels].join();
      };
      const [bright, dark] = [inOrder('brightness'), inOrder('contrast')];
      expect([bright, dark]).toContain([...found].join());
      if (bright === dark) continue;
      decided++;
      if ([...found].join() === bright) brightFirst++;
    }
    expect(decided).toBeGreaterThan(samples / 2);
    expect(Math.abs(brightFirst - decided / 2)).toBeLessThan(4 * Math.sqrt(decided / 4));
  });

  test('one channel: brightness and contrast alone have something to change', () => {
    const jitter = createColorJitter({ brightness: 0, contrast: 0, saturation: 1, hue: 0.5 }, [1, 2, 1]);
    const pixels = Uint8Array.of(20, 200);
    jitter(randomStream(1), pixels);
    expect([...pixels]).toEqual([20, 200]);
  });
});

describe('together', () => {
  const shape = [8, 8, 3] as const;
  const plain: Augmentation = { crop: { kind: 'padded', pad: 2, padMode: 'reflect' }, flip: true };
  const image = Uint8Array.from({ length: 192 }, (_, i) => (i * 77) % 256);
  const augmented = (augmentation: Augmentation, index: number): number[] => {
    const target = new Uint8Array(192);
    createAugmenter(augmentation, shape, [0.5, 0.5, 0.5])(sampleStreams(1, 1, index), image, 0, target, 0);
    return [...target];
  };

  test('crop and flip are those without the others, which follow in their order', () => {
    const cutout = { size: 4 };
    const randAugment = { operations: 1, magnitude: 20 };
    const colorJitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
    for (let index = 0; index < 50; index++) {
      const expected = Uint8Array.from(augmented(plain, index));
      const streams = sampleStreams(1, 1, index);
      createColorJitter(colorJitter, shape)(streams('color-jitter'), expected);
      createRandAugment(randAugment, shape)(streams('rand-augment'), expected);
      createCutout(cutout, shape, [0.5, 0.5, 0.5])(streams('cutout'), expected);
      expect(augmented({ ...plain, cutout, randAugment, colorJitter }, index)).toEqual([...expected]);
    }
  });

  test.each<[Partial<Augmentation>, string]>([
    [
      { colorJitter: { brightness: -1, contrast: 0, saturation: 0, hue: 0 } },
      'augmentation.colorJitter.brightness: expected a number from 0, found -1',
    ],
    [
      { colorJitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0.6 } },
      'augmentation.colorJitter.hue: expected a number from 0 to 0.5, found 0.6',
    ],
    [
      { randAugment: { operations: 0, magnitude: 9 } },
      'augmentation.randAugment.operations: expected a whole number from 1, found 0',
    ],
    [
      { randAugment: { operations: 2, magnitude: 31 } },
      'augmentation.randAugment.magnitude: expected a number from 0 to 30, found 31',
    ],
    [{ cutout: { size: 0.5 } }, 'augmentation.cutout.size: expected a whole number from 1, found 0.5'],
    [
      { crop: { kind: 'padded', pad: 8, padMode: 'reflect' } },
      'augmentation.crop.pad: 8 pixels cannot be reflected into 8×8 images, at most 7',
    ],
  ])('%j is refused', async (change, message) => {
    expect(await userMessage(() => checkAugmentation({ ...plain, ...change }, shape))).toBe(message);
  });

  test('colours of two channels are refused', async () => {
    const augmentation = { ...plain, randAugment: { operations: 2, magnitude: 9 } };
    expect(await userMessage(() => checkAugmentation(augmentation, [8, 8, 2]))).toMatch(
      /1 or 3 channels, not 2/,
    );
  });
});

import { describe, expect, test } from 'vitest';
import { turnHue } from '../../../src/data/augment/hue.js';
import {
  autoContrast,
  brightness,
  contrast,
  equalize,
  posterize,
  saturation,
  sharpness,
  solarize,
  type ToneOperation,
} from '../../../src/data/augment/tone.js';

type Shape = readonly [number, number, number];

function apply(operation: ToneOperation, pixels: readonly number[], shape: Shape, strength = 0): number[] {
  const bytes = Uint8Array.from(pixels);
  operation(bytes, shape, strength);
  return [...bytes];
}

const grey = [0, 10, 100, 255];
const line: Shape = [1, 4, 1];
/** A pixel each of pure red, green, blue and of none. */
const colours = [...[255, 0, 0], ...[0, 255, 0], ...[0, 0, 255], ...[50, 100, 150]];
const colourLine: Shape = [1, 4, 3];
/** Their luma, (19595 R + 38470 G + 7471 B + 2¹⁵) >> 16. */
const luma = [76, 150, 29, 91];

describe('by hand', () => {
  test('brightness', () => {
    expect(apply(brightness, grey, line, 0.5)).toEqual([0, 5, 50, 127]);
    expect(apply(brightness, grey, line, 1.9)).toEqual([0, 19, 190, 255]);
    expect(apply(brightness, grey, line, 0)).toEqual([0, 0, 0, 0]);
  });

  test('contrast, about the mean of 365 / 4 = 91.25 → 91', () => {
    expect(apply(contrast, grey, line, 0)).toEqual([91, 91, 91, 91]);
    expect(apply(contrast, grey, line, 0.5)).toEqual([45, 50, 95, 173]);
    expect(apply(contrast, grey, line, 1.5)).toEqual([0, 0, 104, 255]);
    // Of colours, about the mean of the grey image: 346 / 4 = 86.5 → 87.
    expect(apply(contrast, colours, colourLine, 0)).toEqual(Array(12).fill(87));
  });

  test('saturation', () => {
    expect(apply(saturation, colours, colourLine, 0)).toEqual(luma.flatMap((value) => [value, value, value]));
    expect(apply(saturation, colours, colourLine, 0.5).slice(9)).toEqual([70, 95, 120]);
    expect(apply(saturation, colours, colourLine, 1.5).slice(9)).toEqual([29, 104, 179]);
    expect(apply(saturation, grey, line, 0)).toEqual(grey);
  });

  test('sharpness: the middle alone, against its smoothing (8 · 10 + 5 · 140) / 13 = 60', () => {
    const spot = [10, 10, 10, 10, 140, 10, 10, 10, 10];
    const middle = (factor: number): number => apply(sharpness, spot, [3, 3, 1], factor)[4]!;
    expect(apply(sharpness, spot, [3, 3, 1], 0)).toEqual([10, 10, 10, 10, 60, 10, 10, 10, 10]);
    expect([middle(0.5), middle(1), middle(1.9)]).toEqual([100, 140, 212]);
    // Each channel by itself: the second has the spot, the first is flat.
    const two = spot.flatMap((value) => [10, value]);
    expect(apply(sharpness, two, [3, 3, 2], 0).slice(8, 10)).toEqual([10, 60]);
    expect(apply(sharpness, [1, 2, 3, 4], [2, 2, 1], 0)).toEqual([1, 2, 3, 4]);
  });

  test('posterize', () => {
    expect(apply(posterize, [255, 130, 77, 15], line, 4)).toEqual([240, 128, 64, 0]);
    expect(apply(posterize, [255, 130, 77, 15], line, 8)).toEqual([255, 130, 77, 15]);
    expect(apply(posterize, [255, 130, 77, 15], line, 1)).toEqual([128, 128, 0, 0]);
  });

  test('solarize', () => {
    expect(apply(solarize, grey, line, 100)).toEqual([0, 10, 155, 0]);
    expect(apply(solarize, grey, line, 0)).toEqual([255, 245, 155, 0]);
    expect(apply(solarize, grey, line, 255)).toEqual([0, 10, 100, 0]);
  });

  test('auto-contrast, each channel by itself, a flat one as it is', () => {
    expect(apply(autoContrast, [50, 60, 100, 150], line)).toEqual([0, 25, 127, 255]);
    expect(apply(autoContrast, [50, 9, 60, 9, 100, 9, 150, 9], [1, 4, 2])).toEqual([
      0, 9, 25, 9, 127, 9, 255, 9,
    ]);
  });

  test('equalize', () => {
    // 510 pixels of 10, 255 of 20, 255 of 200: a step is (1020 − 255) / 255 = 3, half of it 1.
    const pixels = [
      ...Array<number>(510).fill(10),
      ...Array<number>(255).fill(20),
      ...Array<number>(255).fill(200),
    ];
    const values = [...new Set(apply(equalize, pixels, [1, 1020, 1]))];
    // 1 / 3 → 0; (1 + 510) / 3 → 170; (1 + 765) / 3 → 255.
    expect(values).toEqual([0, 170, 255]);
    expect(apply(equalize, grey, line)).toEqual(grey);
    expect(apply(equalize, Array<number>(600).fill(7), [1, 600, 1])).toEqual(Array(600).fill(7));
  });

  test('hue: a third of the circle turns red to green, green to blue, blue to red', () => {
    const turned = (turn: number): number[] => {
      const bytes = Uint8Array.from(colours);
      turnHue(bytes, colourLine, turn);
      return [...bytes];
    };
    expect(turned(1 / 3)).toEqual([...[0, 255, 0], ...[0, 0, 255], ...[255, 0, 0], ...[150, 50, 100]]);
    expect(turned(-1 / 3)).toEqual([...[0, 0, 255], ...[255, 0, 0], ...[0, 255, 0], ...[100, 150, 50]]);
    expect(turned(0.5)).toEqual([...[0, 255, 255], ...[255, 0, 255], ...[255, 255, 0], ...[150, 100, 50]]);
    // A twelfth: halfway to yellow.
    expect(turned(1 / 12).slice(0, 3)).toEqual([255, 128, 0]);
    expect(turned(0)).toEqual(colours);
  });
});

test.each([
  ['brightness', brightness],
  ['contrast', contrast],
  ['saturation', saturation],
  ['sharpness', sharpness],
] as const)('%s by a factor of 1 is nothing', (_, operation) => {
  const pixels = Array.from({ length: 75 }, (_, i) => (i * 91) % 256);
  expect(apply(operation, pixels, [5, 5, 3], 1)).toEqual(pixels);
});

import { expect, test } from 'vitest';
import { rotation, shearX, shearY, translation, warp, type Matrix } from '../../../src/data/augment/warp.js';

const picture = [...[1, 2, 3], ...[4, 5, 6], ...[7, 8, 9]];

function warped(
  matrix: Matrix,
  pixels = picture,
  shape: readonly [number, number, number] = [3, 3, 1],
): number[] {
  const bytes = Uint8Array.from(pixels);
  warp(bytes, shape, matrix);
  return [...bytes];
}

test('moved by whole pixels, black comes in', () => {
  expect(warped(translation(1, 0))).toEqual([...[0, 1, 2], ...[0, 4, 5], ...[0, 7, 8]]);
  expect(warped(translation(-2, 0))).toEqual([...[3, 0, 0], ...[6, 0, 0], ...[9, 0, 0]]);
  expect(warped(translation(0, 1))).toEqual([...[0, 0, 0], ...[1, 2, 3], ...[4, 5, 6]]);
  expect(warped(translation(0, -1))).toEqual([...[4, 5, 6], ...[7, 8, 9], ...[0, 0, 0]]);
});

test('turned anticlockwise about the middle', () => {
  expect(warped(rotation(90, [3, 3, 1]))).toEqual([...[3, 6, 9], ...[2, 5, 8], ...[1, 4, 7]]);
  expect(warped(rotation(-90, [3, 3, 1]))).toEqual([...[7, 4, 1], ...[8, 5, 2], ...[9, 6, 3]]);
  expect(warped(rotation(180, [3, 3, 1]))).toEqual(picture.toReversed());
  expect(warped(rotation(0, [3, 3, 1]))).toEqual(picture);
});

test('sheared by 0.4 of the height of a pixel’s centre: 0.2, 0.6 and 1 pixel', () => {
  // Row y takes column x from x + 0.5 + 0.4 (y + 0.5): 0.7, 1.1 and 1.5 for the first.
  expect(warped(shearX(0.4))).toEqual([...[1, 2, 3], ...[5, 6, 0], ...[8, 9, 0]]);
  expect(warped(shearX(-0.4))).toEqual([...[1, 2, 3], ...[0, 4, 5], ...[0, 7, 8]]);
  expect(warped(shearY(0.4))).toEqual([...[1, 5, 6], ...[4, 8, 9], ...[7, 0, 0]]);
});

test('all channels of a pixel move together', () => {
  const two = picture.flatMap((value) => [value, 10 * value]);
  expect(warped(translation(1, 0), two, [3, 3, 2]).slice(0, 6)).toEqual([0, 0, 1, 10, 2, 20]);
});

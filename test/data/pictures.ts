import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { expect } from 'vitest';
import { BadImageError } from '../../src/data/files/bad-image.js';
import { decodeCentre, openImage } from '../../src/data/files/decode-file.js';

export const red = [200, 30, 40] as const;
export const blue = [20, 60, 180] as const;

/** Left half red, right half blue. */
export function halves(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) pixels.set(i % width < width / 2 ? red : blue, 3 * i);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

export function writePicture(folder: string, name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

export const centre = async (
  path: string,
  shape: readonly [number, number, number],
  share = 1,
): Promise<number[]> => [...(await decodeCentre(await openImage(path), share, shape))];

/** The pixel at a place of an image of 8×8. */
export const at = (pixels: readonly number[], y: number, x: number): number[] =>
  pixels.slice(3 * (8 * y + x), 3 * (8 * y + x) + 3);

export function expectNear(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(tolerance));
}

export async function fault(path: string): Promise<string> {
  try {
    await decodeCentre(await openImage(path), 1, [8, 8, 3]);
  } catch (error) {
    expect(error).toBeInstanceOf(BadImageError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error('expected a bad image');
}

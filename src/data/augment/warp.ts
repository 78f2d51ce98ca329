import type { ImageShape } from './raster.js';

/** x' = a·x + b·y + c, y' = d·x + e·y + f: where a point of the result comes from. */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Along the rows, as much as `share` of the distance from the upper border. */
export const shearX = (share: number): Matrix => [1, share, 0, 0, 1, 0];

/** Along the columns, as much as `share` of the distance from the left border. */
export const shearY = (share: number): Matrix => [1, 0, 0, share, 1, 0];

/** By whole pixels: to the right and down. */
export const translation = (right: number, down: number): Matrix => [1, 0, -right, 0, 1, -down];

/** About the image's centre, anticlockwise. */
export function rotation(degrees: number, [height, width]: ImageShape): Matrix {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [x, y] = [width / 2, height / 2];
  return [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y];
}

/**
 * Moves an image's pixels, in place: each takes the value of the one that its centre comes from, black from outside
 * (PIL's `transform` and torchvision's `affine` with nearest interpolation and no fill).
 */
export function warp(
  pixels: Uint8Array,
  [height, width, channels]: ImageShape,
  [a, b, c, d, e, f]: Matrix,
): void {
  const source = pixels.slice();
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += channels) {
      const fromX = Math.floor(a * (x + 0.5) + b * (y + 0.5) + c);
      const fromY = Math.floor(d * (x + 0.5) + e * (y + 0.5) + f);
      const inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
      const from = (fromY * width + fromX) * channels;
      for (let k = 0; k < channels; k++) pixels[to + k] = inside ? source[from + k]! : 0;
    }
  }
}

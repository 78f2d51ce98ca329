import type { ImageShape } from './raster.js';

/**
 * Turns the colours of an RGB image by a share of the colour circle, −0.5…0.5, in place: to hue, saturation and value,
 * back with the hue moved, each byte rounded. An image of one channel stays as it is.
 */
export function turnHue(pixels: Uint8Array, [, , channels]: ImageShape, turn: number): void {
  if (channels === 1) return;
  for (let i = 0; i < pixels.length; i += channels) {
    const [r, g, b] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue;
    // In sixths of the circle: red 0, green 2, blue 4.
    const hue = value === r ? (g - b) / chroma : value === g ? (b - r) / chroma + 2 : (r - g) / chroma + 4;
    const turned = hue + 6 * turn;
    pixels[i] = channel(turned, 5, value, chroma);
    pixels[i + 1] = channel(turned, 3, value, chroma);
    pixels[i + 2] = channel(turned, 1, value, chroma);
  }
}

/** A channel from the hue: full within a sixth of its own place, falling to value − chroma over another. */
function channel(hue: number, offset: number, value: number, chroma: number): number {
  const k = (((offset + hue) % 6) + 6) % 6;
  return Math.round(value - chroma * Math.max(0, Math.min(k, 4 - k, 1)));
}

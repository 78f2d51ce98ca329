import type { ImageShape } from './raster.js';

/** Turns an image around left to right, in place. */
export function mirror(pixels: Uint8Array, [height, width, channels]: ImageShape): void {
  const rowBytes = width * channels;
  for (let row = 0; row < height * rowBytes; row += rowBytes) {
    for (
      let left = row, right = row + rowBytes - channels;
      left < right;
      left += channels, right -= channels
    ) {
      for (let c = 0; c < channels; c++) {
        const byte = pixels[left + c]!;
        pixels[left + c] = pixels[right + c]!;
        pixels[right + c] = byte;
      }
    }
  }
}

import type { PixelValues } from '../dataset.js';
import type { ImageShape } from './raster.js';

/** Turns an image around left to right, in place. */
export function mirror(pixels: PixelValues, [height, width, channels]: ImageShape): void {
  const rowLength = width * channels;
  for (let row = 0; row < height * rowLength; row += rowLength) {
    for (
      let left = row, right = row + rowLength - channels;
      left < right;
      left += channels, right -= channels
    ) {
      for (let c = 0; c < channels; c++) {
        const value = pixels[left + c]!;
        pixels[left + c] = pixels[right + c]!;
        pixels[right + c] = value;
      }
    }
  }
}

import type { PixelValues } from '../dataset.js';
import type { ImageShape, Rectangle } from './raster.js';

/** Writes an image's rectangle, enlarged to the whole image's size, at an offset. */
export type Enlarger = (
  source: PixelValues,
  sourceOffset: number,
  rectangle: Rectangle,
  target: PixelValues,
  targetOffset: number,
) => void;

/** Bilinear, between the centres of pixels and not beyond the rectangle's, each byte rounded. */
export function createEnlarger([height, width, channels]: ImageShape): Enlarger {
  return (source, sourceOffset, rectangle, target, targetOffset) => {
    const isBytes = target instanceof Uint8Array;
    const rows = neighbours(rectangle.height, height);
    const columns = neighbours(rectangle.width, width);
    const pixelAt = (y: number, x: number): number =>
      sourceOffset + ((rectangle.top + y) * width + rectangle.left + x) * channels;
    let to = targetOffset;
    for (const row of rows) {
      for (const column of columns) {
        const upperLeft = pixelAt(row.first, column.first);
        const upperRight = pixelAt(row.first, column.second);
        const lowerLeft = pixelAt(row.second, column.first);
        const lowerRight = pixelAt(row.second, column.second);
        for (let c = 0; c < channels; c++) {
          const upper = mix(source[upperLeft + c]!, source[upperRight + c]!, column.share);
          const lower = mix(source[lowerLeft + c]!, source[lowerRight + c]!, column.share);
          const value = mix(upper, lower, row.share);
          target[to++] = isBytes ? Math.round(value) : value;
        }
      }
    }
  };
}

/** The two of `from` that one of `to` lies between, and the second's share. */
interface Neighbours {
  readonly first: number;
  readonly second: number;
  readonly share: number;
}

function neighbours(from: number, to: number): Neighbours[] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const first = Math.floor(place);
    return { first, second: Math.min(from - 1, first + 1), share: place - first };
  });
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

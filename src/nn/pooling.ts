import * as tf from '@tensorflow/tfjs';
import { pureLayer, type Layer } from './layer.js';

/**
 * PyTorch's adaptive average pool: `[n, h, w, c]` → `[n, size, size, c]`. Cell i averages the rows from ⌊i·h / size⌋
 * to ⌈(i + 1)·h / size⌉, and likewise the columns; windows overlap where the size does not divide the map.
 */
export const adaptiveAveragePool = (size: number): Layer =>
  pureLayer((x) => {
    const [, height, width] = x.shape as [number, number, number, number];
    if (height === size && width === size) return x.clone();
    if (height % size === 0 && width % size === 0) {
      const window: [number, number] = [height / size, width / size];
      return tf.avgPool(x as tf.Tensor4D, window, window, 'valid');
    }
    return tf.tidy(() => averageAlong(averageAlong(x, 1, size), 2, size));
  });

/** Averages an axis of `[n, h, w, c]` over `size` windows: the rows first, then the columns, as all are rectangles. */
function averageAlong(x: tf.Tensor, axis: 1 | 2, size: number): tf.Tensor {
  const length = x.shape[axis]!;
  const cells = Array.from({ length: size }, (_, i) => {
    const begin = Math.floor((i * length) / size);
    const end = Math.ceil(((i + 1) * length) / size);
    const start = [0, 0, 0, 0];
    const extent = [-1, -1, -1, -1];
    start[axis] = begin;
    extent[axis] = end - begin;
    return tf.mean(tf.slice(x, start, extent), axis);
  });
  return tf.stack(cells, axis);
}

export interface AveragePoolOptions {
  /** Height and width of the windows, which do not overlap. */
  readonly window: readonly [number, number];
  /** Zeros at each border, which count in the average. */
  readonly padding: readonly [number, number];
}

/** Average pool of `[n, h, w, c]`; rows and columns that do not fill a window are left out. */
export function averagePool({ window, padding: [rows, columns] }: AveragePoolOptions): Layer {
  const size: [number, number] = [...window];
  return pureLayer((x) => {
    if (rows === 0 && columns === 0) return tf.avgPool(x as tf.Tensor4D, size, size, 'valid');
    return tf.tidy(() => {
      const padded = tf.pad(x as tf.Tensor4D, [
        [0, 0],
        [rows, rows],
        [columns, columns],
        [0, 0],
      ]);
      return tf.avgPool(padded, size, size, 'valid');
    });
  });
}

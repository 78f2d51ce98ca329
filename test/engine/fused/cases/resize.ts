import tf = require('@tensorflow/tfjs');
import { resizeBilinear as resized, resizeBilinearGradient } from '../../../../src/engine/fused/resize.js';
import type { OpCase } from '../op-case.js';

export const resizeCases: readonly OpCase[] = (
  [
    ['up', [7, 5]],
    ['down', [2, 3]],
  ] as const
).map(([way, to]) => ({
  name: `bilinear resize ${way}`,
  inputs: [{ name: 'x', shape: [2, 4, 3, 2] }],
  op: ([x]) => withGradient(x as tf.Tensor4D, to),
  reference: ([x]) => resizeBilinear(x!, [2, 4, 3, 2], to),
}));

/** The two passes as one op. */
const withGradient = (x: tf.Tensor4D, to: readonly [number, number]): tf.Tensor =>
  tf.customGrad((map) => ({
    value: resized(map as tf.Tensor4D, to),
    gradFunc: (dy: tf.Tensor) => resizeBilinearGradient(x.shape, dy as tf.Tensor4D),
  }))(x);

/** Of `[n, h, w, c]`, corners aligned: row i of the result lies at i · (h − 1) / (rows − 1), and so the columns. */
export function resizeBilinear(
  x: Float64Array,
  [batch, height, width, channels]: readonly [number, number, number, number],
  [rows, columns]: readonly [number, number],
): Float64Array {
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let c = 0; c < channels; c++) {
          const y = (i * (height - 1)) / (rows - 1);
          const z = (j * (width - 1)) / (columns - 1);
          let value = 0;
          for (let row = 0; row < height; row++)
            for (let column = 0; column < width; column++) {
              const share = Math.max(0, 1 - Math.abs(y - row)) * Math.max(0, 1 - Math.abs(z - column));
              value += share * x[((n * height + row) * width + column) * channels + c]!;
            }
          result.push(value);
        }
  return Float64Array.from(result);
}

import type * as tf from '@tensorflow/tfjs';
import type { MaxPooling } from '../../../../src/engine/fused/max-pool.js';
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';

export type Windows = MaxPooling & { readonly padding: number };

export const maxPoolCases: readonly OpCase[] = [
  { window: 3, stride: 2, padding: 1 },
  { window: 2, stride: 2, padding: 0 },
].map((pooling) => ({
  name: `max pool of windows ${pooling.window} wide`,
  inputs: [{ name: 'x', shape: [2, 5, 6, 3] }],
  op: ([x]) => fused().maxPool(x as tf.Tensor4D, pooling),
  reference: ([x]) => maxPool(x!, [2, 5, 6, 3], pooling),
}));

/** Of `[n, h, w, c]`: the greatest of each window, of which padding is never one. */
export function maxPool(
  x: Float64Array,
  [batch, height, width, channels]: readonly [number, number, number, number],
  { window, stride, padding }: Windows,
): Float64Array {
  const outputs = (length: number): number => Math.floor((length + 2 * padding - window) / stride) + 1;
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < outputs(height); i++)
      for (let j = 0; j < outputs(width); j++)
        for (let c = 0; c < channels; c++) {
          let most = -Infinity;
          for (let row = i * stride - padding; row < i * stride - padding + window; row++)
            for (let column = j * stride - padding; column < j * stride - padding + window; column++)
              if (row >= 0 && row < height && column >= 0 && column < width)
                most = Math.max(most, x[((n * height + row) * width + column) * channels + c]!);
          result.push(most);
        }
  return Float64Array.from(result);
}

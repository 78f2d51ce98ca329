import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { checkGiven, sizeSchema } from '../core/given.js';
import type { MaxPooling } from '../engine/fused/max-pool.js';
import { convBatchNormPoolOp } from '../engine/fused/pooled-batch-norm.js';
import { fused } from '../engine/fused/registry.js';
import { pureLayer, type Layer } from './layer.js';
import { convAndNorm, type ConvNormNames, type ConvOptions } from './layers.js';
import type { Scope } from './parameters.js';

/**
 * PyTorch's adaptive average pool: `[n, h, w, c]` → `[n, rows, columns, c]`; one number stands for both. Cell i
 * averages the rows from ⌊i·h / rows⌋ to ⌈(i + 1)·h / rows⌉, and likewise the columns; windows overlap where the size
 * does not divide the map.
 */
export const adaptiveAveragePool = (size: number | readonly [rows: number, columns: number]): Layer => {
  const [rows, columns] = typeof size === 'number' ? [size, size] : size;
  return pureLayer((x) => {
    const [, height, width] = x.shape as [number, number, number, number];
    if (height === rows && width === columns) return x.clone();
    if (height % rows === 0 && width % columns === 0) {
      const window: [number, number] = [height / rows, width / columns];
      return tf.avgPool(x as tf.Tensor4D, window, window, 'valid');
    }
    return tf.tidy(() => averageAlong(averageAlong(x, 1, rows), 2, columns));
  });
};

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

/** The windows of a max pool; no padding if not given. */
export type MaxPoolOptions = Omit<MaxPooling, 'padding'> & Partial<Pick<MaxPooling, 'padding'>>;

const maxPoolForms = {
  options: z.object({
    window: sizeSchema,
    stride: sizeSchema,
    padding: z
      .union([z.int().min(0), z.literal('same')], { error: "must be a whole number from 0, or 'same'" })
      .optional(),
  }),
};

/**
 * Max pool: `[n, h, w, c]` → `[n, h', w', c]`.
 *
 * @param options the windows
 */
export function maxPool(options: MaxPoolOptions): Layer {
  checkGiven('maxPool', maxPoolForms, { options });
  const { window, stride, padding = 0 } = options;
  return pureLayer((x) => fused().maxPool(x as tf.Tensor4D, { window, stride, padding }));
}

/**
 * `convBatchNorm`, then a max pool, as one fused op: `[n, h, w, in]` → `[n, h', w', out]`. libtorch's engine never has the
 * whole map that is pooled in memory, nor its gradient.
 *
 * @param names of the convolution and of the batch normalisation below the scope
 * @param options `relu`: whether a ReLU follows; `pool`: the windows
 * @throws UserError in training mode where a channel has a single value before the pool
 */
export function convBatchNormPool(
  scope: Scope,
  names: ConvNormNames,
  options: ConvOptions & { readonly relu: boolean; readonly pool: MaxPooling },
): Layer {
  const { owned, run } = convAndNorm(scope, names, options);
  const { relu, pool } = options;
  return {
    ...owned,
    forward: (x, mode) => run(x, mode, (...layers) => convBatchNormPoolOp(...layers, { relu, pool, mode })),
  };
}

import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { multiplied, multiplying } from '../multiply-adds.js';
import { isLastPass, isWanted } from '../tape.js';
import { differentiable } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import type { Convolution, Mode } from './ops.js';
import { resizeBilinearOp } from './resize.js';

/** Convolution with bias; `[n, h, w, in]` → `[n, h', w', out]`. */
type Conv = (x: tf.Tensor4D, convolution: Convolution, mode: Mode) => tf.Tensor4D;

export const conv: FusedOp<Conv> = {
  composed: (x, convolution) => convolve(x, convolution),

  torch({ op, multiOp, input, wrap, wrapAll, isOwn }) {
    const forward = op('locallearn::conv');
    const backward = multiOp('locallearn::conv_backward');

    return (x, { filter, bias, stride, padding, groups, resized = [] }, mode) => {
      const wantX = !isDetached(x);
      const wanted = [...(wantX ? [x] : []), ...parametersOf({ filter, bias }, mode)];
      return differentiable(wanted, () => {
        const y = wrap(
          forward(input(x), input(filter), input(bias), stride, padding, groups, resized),
        ) as tf.Tensor4D;
        const products = convProducts(filter, y.shape);
        multiplied(filter, products);
        return {
          y,
          saved: [x],
          backward: (dy, [savedX]) => {
            const wantsX = wantX && isWanted(x);
            const wantsFilter = mode.parameterGradients && isWanted(filter);
            multiplied(filter, products * (Number(wantsX) + Number(wantsFilter)));
            return wrapAll(
              backward(
                input(dy),
                input(savedX),
                input(filter),
                bias !== undefined,
                stride,
                padding,
                groups,
                resized,
                wantsX,
                isLastPass() && isOwn(savedX!),
                wantsFilter,
              ),
            );
          },
        };
      });
    };
  },
};

export function convolve(
  x: tf.Tensor4D,
  { filter, bias, stride, padding, groups, resized }: Convolution,
): tf.Tensor4D {
  const read = resized === undefined ? x : resizeBilinearOp(x, resized);
  const padded: tf.Tensor4D =
    padding > 0
      ? tf.pad(read, [
          [0, 0],
          [padding, padding],
          [padding, padding],
          [0, 0],
        ])
      : read;
  const y =
    groups === 1
      ? convolved(filter, padded, filter, stride)
      : groupedConvolution(padded, filter, stride, groups);
  return bias ? tf.add(y, bias) : y;
}

/** A convolution without padding by `part`, which is the filter or a group of it. */
function convolved(filter: tf.Tensor4D, x: tf.Tensor4D, part: tf.Tensor4D, stride: number): tf.Tensor4D {
  const [height, width] = [0, 1].map(
    (axis) => Math.floor((x.shape[axis + 1]! - part.shape[axis]!) / stride) + 1,
  );
  const products = convProducts(part, [x.shape[0], height!, width!, part.shape[3]]);
  return multiplying(filter, products, () => tf.conv2d(x, part, stride, 'valid'));
}

/** Of a convolution, and of either of its gradients: one for each value of the result and each of its filter's. */
export function convProducts(filter: tf.Tensor4D, result: readonly number[]): number {
  const [height, width, inputs] = filter.shape;
  return tf.util.sizeFromShape([...result]) * height * width * inputs;
}

/** Split and not slices: its gradient is one concatenation, theirs a padded copy of the whole for each group. */
function groupedConvolution(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  stride: number,
  groups: number,
): tf.Tensor4D {
  const filters = tf.split(filter, groups, 3);
  const parts = tf
    .split(x, groups, 3)
    .map((part, g) => convolved(filter, part as tf.Tensor4D, filters[g] as tf.Tensor4D, stride));
  return tf.concat4d(parts, 3);
}

export function parametersOf(
  { filter, bias }: Pick<Convolution, 'filter' | 'bias'>,
  mode: Mode,
): tf.Tensor[] {
  if (!mode.parameterGradients) return [];
  return bias === undefined ? [filter] : [filter, bias];
}

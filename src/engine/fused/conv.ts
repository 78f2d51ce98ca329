import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
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
      return differentiable(wanted, () => ({
        y: wrap(
          forward(input(x), input(filter), input(bias), stride, padding, groups, resized),
        ) as tf.Tensor4D,
        saved: [x],
        backward: (dy, [savedX]) =>
          wrapAll(
            backward(
              input(dy),
              input(savedX),
              input(filter),
              bias !== undefined,
              stride,
              padding,
              groups,
              resized,
              wantX && isWanted(x),
              isLastPass() && isOwn(savedX!),
              mode.parameterGradients && isWanted(filter),
            ),
          ),
      }));
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
      ? tf.conv2d(padded, filter, stride, 'valid')
      : groupedConvolution(padded, filter, stride, groups);
  return bias ? tf.add(y, bias) : y;
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
    .map((part, g) => tf.conv2d(part as tf.Tensor4D, filters[g] as tf.Tensor4D, stride, 'valid'));
  return tf.concat4d(parts, 3);
}

export function parametersOf(
  { filter, bias }: Pick<Convolution, 'filter' | 'bias'>,
  mode: Mode,
): tf.Tensor[] {
  if (!mode.parameterGradients) return [];
  return bias === undefined ? [filter] : [filter, bias];
}

import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { multiplied } from '../multiply-adds.js';
import { isLastPass, isWanted } from '../tape.js';
import { convolve, filterGradient, inputGradient } from './convolution.js';
import { differentiable, tidied } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import type { Convolution, Mode } from './ops.js';

/** Convolution with bias; `[n, h, w, in]` → `[n, h', w', out]`. */
type Conv = (x: tf.Tensor4D, convolution: Convolution, mode: Mode) => tf.Tensor4D;

export const conv: FusedOp<Conv> = {
  composed(x, convolution, mode) {
    const { filter, bias } = convolution;
    const wanted = [...(isDetached(x) ? [] : [x]), ...parametersOf(convolution, mode)];
    return differentiable(wanted, () => {
      const c = convolve(x, convolution);
      const products = convProducts(filter, c.shape);
      multiplied(filter, products);
      return {
        y: bias === undefined ? c : tf.add(c, bias),
        saved: [x],
        backward: (dy, [savedX]) =>
          tidied(() => convGradients(x, convolution, mode, { dy, savedX: savedX as tf.Tensor4D })),
      };
    });
  },

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

/** Of a convolution, and of either of its gradients: one for each value of the result and each of its filter's. */
export function convProducts(filter: tf.Tensor4D, result: readonly number[]): number {
  const [height, width, inputs] = filter.shape;
  return tf.util.sizeFromShape([...result]) * height * width * inputs;
}

export function parametersOf(
  { filter, bias }: Pick<Convolution, 'filter' | 'bias'>,
  mode: Mode,
): tf.Tensor[] {
  if (!mode.parameterGradients) return [];
  return bias === undefined ? [filter] : [filter, bias];
}

/**
 * Gradients of the input, the filter and the bias of a composed convolution, by that of its result; undefined where they
 * cannot be asked for, or this pass does not.
 */
export function convGradients(
  x: tf.Tensor4D,
  convolution: Convolution,
  mode: Mode,
  { dy, savedX }: { readonly dy: tf.Tensor4D; readonly savedX: tf.Tensor4D | undefined },
): (tf.Tensor | undefined)[] {
  const { filter, bias } = convolution;
  const wantsX = !isDetached(x) && isWanted(x);
  const wantsFilter = mode.parameterGradients && isWanted(filter);
  multiplied(filter, convProducts(filter, dy.shape) * (Number(wantsX) + Number(wantsFilter)));
  const dFilter = wantsFilter ? filterGradient(savedX!, dy, convolution) : undefined;
  const dBias = wantsFilter && bias !== undefined ? tf.sum(dy, [0, 1, 2]) : undefined;
  const dx = wantsX ? inputGradient(x.shape, dy, convolution) : undefined;
  return [dx, dFilter, dBias];
}

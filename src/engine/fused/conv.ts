import tf = require('@tensorflow/tfjs');
import { multiplied } from '../multiply-adds.js';
import { convolve, filterGradient, inputGradient } from './convolution.js';
import { differentiable, tidied, trained, type GradientRequest } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { keepMap } from './kept-map.js';
import type { Convolution, Mode } from './ops.js';

/** Convolution with bias; `[n, h, w, in]` → `[n, h', w', out]`. */
type Conv = (x: tf.Tensor4D, convolution: Convolution, mode: Mode) => tf.Tensor4D;

export const conv: FusedOp<Conv> = {
  composed(x, convolution, mode) {
    const { filter, bias } = convolution;
    return differentiable([x, ...trained(mode, filter, bias)], (request) => {
      const c = convolve(x, convolution);
      const products = convProducts(filter, c.shape);
      multiplied(filter, products);
      return {
        y: bias === undefined ? c : tf.add(c, bias),
        saved: [x],
        backward: (dy, [savedX]) =>
          tidied(() => convGradients(x, convolution, request, { dy, savedX: savedX as tf.Tensor4D })),
      };
    });
  },

  torch({ op, multiOp, input, asMap, wrap, wrapAll, isOwn }) {
    const forward = op('locallearn::conv');
    const backward = multiOp('locallearn::conv_backward');

    return (x, { filter, bias, stride, padding, groups, resized = [] }, mode) => {
      return differentiable([x, ...trained(mode, filter, bias)], ({ wants, isLast }) => {
        const map = asMap(x);
        const kept = keepMap(map);
        const y = wrap(
          forward(input(map), input(filter), input(bias), stride, padding, groups, resized),
        ) as tf.Tensor4D;
        const products = convProducts(filter, y.shape);
        multiplied(filter, products);
        return {
          y,
          saved: kept.saved,
          backward: (dy, saved) => {
            multiplied(filter, products * (Number(wants(x)) + Number(wants(filter))));
            return kept.read(saved, (savedX, fresh) =>
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
                  wants(x),
                  (fresh || isLast()) && isOwn(savedX),
                  wants(filter),
                ),
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

/**
 * Gradients of the input, the filter and the bias of a composed convolution, by that of its result; undefined where they are
 * not wanted.
 */
export function convGradients(
  x: tf.Tensor4D,
  convolution: Convolution,
  { wants }: GradientRequest,
  { dy, savedX }: { readonly dy: tf.Tensor4D; readonly savedX: tf.Tensor4D | undefined },
): (tf.Tensor | undefined)[] {
  const { filter, bias } = convolution;
  multiplied(filter, convProducts(filter, dy.shape) * (Number(wants(x)) + Number(wants(filter))));
  const dFilter = wants(filter) ? filterGradient(savedX!, dy, convolution) : undefined;
  const dBias = wants(bias) ? tf.sum(dy, [0, 1, 2]) : undefined;
  const dx = wants(x) ? inputGradient(x.shape, dy, convolution) : undefined;
  return [dx, dFilter, dBias];
}

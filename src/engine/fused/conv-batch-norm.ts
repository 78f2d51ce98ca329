import tf = require('@tensorflow/tfjs');
import { multiplied } from '../multiply-adds.js';
import { batchNormKernels } from './batch-norm-kernels.js';
import { addedAndRectified, normalise, normGradients } from './batch-norm.js';
import { convGradients, convProducts } from './conv.js';
import { convolve } from './convolution.js';
import { differentiable, tidied, trained } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { givenUp } from './given-up.js';
import { canBeMadeAnew, keepMap, type Normalised } from './kept-map.js';
import {
  batchNormEpsilon,
  batchNormMomentum,
  type BatchNormalization,
  type Convolution,
  type ResidualOptions,
} from './ops.js';

/** Convolution, batch normalisation, then `+ residual` where given, then ReLU where asked. */
type ConvBatchNorm = (
  x: tf.Tensor4D,
  convolution: Convolution,
  norm: BatchNormalization,
  options: ResidualOptions,
) => tf.Tensor4D;

export const convBatchNorm: FusedOp<ConvBatchNorm> = {
  composed(x, convolution, norm, { relu, residual, mode }) {
    const { filter, bias } = convolution;
    const { gamma, beta } = norm;
    const inputs = [x, ...trained(mode, filter, bias, gamma, beta), residual];
    return differentiable(inputs, (request) => {
      const { wants, isLast } = request;
      const product = convolve(x, convolution);
      multiplied(filter, convProducts(filter, product.shape));
      const c = bias === undefined ? product : tf.add<tf.Tensor4D>(product, bias);
      const { y: normalised, kept } = normalise(c, norm, mode);
      const y = addedAndRectified(normalised, { relu, residual });
      return {
        y,
        // The mask of the ReLU is found with the result, which mostly lives on as the next layer's input.
        saved: [c, ...kept, ...(relu ? [y] : []), ...(wants(filter) ? [x] : [])],
        backward: (dy, [savedC, mean, spread, ...others]) =>
          tidied(() => {
            const savedY = relu ? others.shift() : undefined;
            const savedX = others[0] as tf.Tensor4D | undefined;
            const { reluGradient } = batchNormKernels();
            const dSum =
              savedY === undefined ? dy : givenUp(dy, () => reluGradient(dy, savedY as tf.Tensor4D));
            if (isLast()) savedY?.dispose();
            const dResidual = wants(residual) ? dSum.clone() : undefined;
            const c = isLast() ? savedC! : savedC!.clone();
            const statistics = [mean, spread] as [tf.Tensor1D, tf.Tensor1D];
            const [dc, ...dNorm] = normGradients(dSum, c as tf.Tensor4D, norm, statistics, mode);
            return [...convGradients(x, convolution, request, { dy: dc, savedX }), ...dNorm, dResidual];
          }),
      };
    });
  },

  torch({ device, op, multiOp, input, asMap, wrap, wrapAll, isOwn, writable }) {
    const forward = multiOp('locallearn::conv_bn');
    const backward = multiOp('locallearn::conv_bn_backward');
    const anew = op('locallearn::bn_result');
    const onGpu = device === 'cuda';

    return (x, convolution, norm, { relu, residual, residualKept = false, mode }) => {
      const { filter, bias, stride, padding, groups, resized = [] } = convolution;
      const { gamma, beta, runningMean, runningVariance } = norm;
      // The mask of a ReLU is found anew from c; behind a residual, with it or with y. On a GPU y alone serves: it mostly
      // lives on as the next layer's input, and finding it anew takes kernels of its own.
      const fromOutput = relu && (onGpu || (residual !== undefined && !residualKept));
      const fromResidual = relu && residual !== undefined && !fromOutput;
      const inputs = [x, ...trained(mode, filter, bias, gamma, beta), residual];
      const result = differentiable<tf.Tensor4D>(inputs, ({ wants, isLast, recorded }) => {
        const map = asMap(x);
        const statistics = mode.training ? writable : input;
        // The input's own gradient needs no input.
        const kept = wants(filter) ? keepMap(map) : undefined;
        const [y, c, mean, inverseDeviation] = wrapAll(
          forward(
            input(map),
            input(filter),
            input(bias),
            input(gamma),
            input(beta),
            statistics(runningMean),
            statistics(runningVariance),
            input(residual),
            stride,
            padding,
            groups,
            resized,
            mode.training,
            batchNormMomentum,
            batchNormEpsilon,
            relu,
            recorded,
          ),
        ) as [tf.Tensor4D, tf.Tensor, tf.Tensor, tf.Tensor];
        const products = convProducts(filter, y.shape);
        multiplied(filter, products);
        return {
          y,
          saved: [
            c,
            mean,
            inverseDeviation,
            ...(fromOutput ? [y] : []),
            ...(fromResidual ? [residual] : []),
            ...(kept?.saved ?? []),
          ],
          backward: (dy, [savedC, savedMean, savedDeviation, ...others]) => {
            const other = fromOutput || fromResidual ? others.shift() : undefined;
            const last = isLast();
            multiplied(filter, products * (Number(wants(x)) + Number(wants(filter))));
            const run = (
              savedX: tf.Tensor | undefined,
              canReuse: boolean,
              before?: Normalised,
            ): (tf.Tensor | undefined)[] =>
              wrapAll(
                backward(
                  input(dy),
                  input(savedX),
                  before?.norm.map((each) => input(each)) ?? [],
                  before?.relu ?? false,
                  x.shape,
                  input(filter),
                  input(savedC),
                  input(fromOutput ? other : undefined),
                  input(fromResidual ? other : undefined),
                  relu,
                  input(gamma),
                  input(beta),
                  input(savedMean),
                  input(savedDeviation),
                  bias !== undefined,
                  stride,
                  padding,
                  groups,
                  resized,
                  mode.training,
                  batchNormEpsilon,
                  wants(x),
                  canReuse,
                  last && isOwn(savedC!),
                  isOwn(dy),
                  wants(filter),
                  wants(residual),
                ),
              );
            if (kept === undefined || !wants(filter)) return run(undefined, false);
            return kept.read(
              others,
              (map, fresh) => run(map, (fresh || last) && isOwn(map)),
              (before) => run(before.x, false, before),
            );
          },
        };
      });
      // On a GPU it mostly lives on, for the mask.
      if (!onGpu && residual === undefined) {
        canBeMadeAnew(result, {
          of: 3,
          make: ([c, mean, inverseDeviation]) =>
            wrap(anew(input(c), input(gamma), input(beta), input(mean), input(inverseDeviation), relu)),
          normalised: ([c, mean, inverseDeviation]) => ({
            x: c!,
            norm: [gamma, beta, mean!, inverseDeviation!],
            relu,
          }),
        });
      }
      return result;
    };
  },
};

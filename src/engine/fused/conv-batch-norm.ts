import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { multiplied } from '../multiply-adds.js';
import { isLastPass, isWanted } from '../tape.js';
import { batchNormKernels } from './batch-norm-kernels.js';
import { normalise, normGradients } from './batch-norm.js';
import { convGradients, convProducts, parametersOf } from './conv.js';
import { convolve } from './convolution.js';
import { differentiable, tidied } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { givenUp } from './given-up.js';
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
    const wantResidual = residual !== undefined && !isDetached(residual);
    const wanted = [
      ...(isDetached(x) ? [] : [x]),
      ...parametersOf(convolution, mode),
      ...(mode.parameterGradients ? [gamma, beta] : []),
      ...(wantResidual ? [residual] : []),
    ];
    return differentiable(wanted, () => {
      const product = convolve(x, convolution);
      multiplied(filter, convProducts(filter, product.shape));
      const c = bias === undefined ? product : tf.add<tf.Tensor4D>(product, bias);
      const { y: normalised, kept } = normalise(c, norm, mode);
      const sum =
        residual === undefined
          ? normalised
          : givenUp(normalised, () => tf.add<tf.Tensor4D>(normalised, residual));
      const y = relu ? givenUp(sum, () => tf.relu(sum)) : sum;
      return {
        y,
        // The mask of the ReLU is found with the result, which mostly lives on as the next layer's input.
        saved: [c, ...kept, ...(relu ? [y] : []), ...(mode.parameterGradients ? [x] : [])],
        backward: (dy, [savedC, mean, spread, ...others]) =>
          tidied(() => {
            const savedY = relu ? others.shift() : undefined;
            const savedX = others[0] as tf.Tensor4D | undefined;
            const { reluGradient } = batchNormKernels();
            const dSum =
              savedY === undefined ? dy : givenUp(dy, () => reluGradient(dy, savedY as tf.Tensor4D));
            if (isLastPass()) savedY?.dispose();
            const wantsParameters = mode.parameterGradients && isWanted(filter);
            const dResidual = wantResidual && isWanted(residual) ? dSum.clone() : undefined;
            const c = isLastPass() ? savedC! : savedC!.clone();
            const statistics = [mean, spread] as [tf.Tensor1D, tf.Tensor1D];
            const [dc, ...dNorm] = normGradients(dSum, c as tf.Tensor4D, norm, statistics, mode);
            return [
              ...convGradients(x, convolution, mode, { dy: dc, savedX }),
              ...(wantsParameters ? dNorm : []),
              dResidual,
            ];
          }),
      };
    });
  },

  torch({ device, multiOp, input, wrapAll, isOwn }) {
    const forward = multiOp('locallearn::conv_bn');
    const backward = multiOp('locallearn::conv_bn_backward');
    const onGpu = device === 'cuda';

    return (x, convolution, norm, { relu, residual, residualKept = false, mode }) => {
      const { filter, bias, stride, padding, groups, resized = [] } = convolution;
      const { gamma, beta, runningMean, runningVariance } = norm;
      const wantX = !isDetached(x);
      const wantResidual = residual !== undefined && !isDetached(residual);
      // The input's own gradient needs no input.
      const keepsX = mode.parameterGradients;
      // The mask of a ReLU is found anew from c; behind a residual, with it or with y. On a GPU y alone serves: it mostly
      // lives on as the next layer's input, and finding it anew takes kernels of its own.
      const fromOutput = relu && (onGpu || (residual !== undefined && !residualKept));
      const fromResidual = relu && residual !== undefined && !fromOutput;
      const wanted = [
        ...(wantX ? [x] : []),
        ...parametersOf(convolution, mode),
        ...(mode.parameterGradients ? [gamma, beta] : []),
        ...(wantResidual ? [residual] : []),
      ];
      return differentiable(wanted, () => {
        const [y, c, mean, inverseDeviation] = wrapAll(
          forward(
            input(x),
            input(filter),
            input(bias),
            input(gamma),
            input(beta),
            input(runningMean),
            input(runningVariance),
            input(residual),
            stride,
            padding,
            groups,
            resized,
            mode.training,
            batchNormMomentum,
            batchNormEpsilon,
            relu,
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
            ...(keepsX ? [x] : []),
            ...(fromOutput ? [y] : []),
            ...(fromResidual ? [residual] : []),
          ],
          backward: (dy, [savedC, savedMean, savedDeviation, ...others]) => {
            const savedX = keepsX ? others.shift() : undefined;
            const [other] = others;
            const wantsX = wantX && isWanted(x);
            const wantsFilter = mode.parameterGradients && isWanted(filter);
            multiplied(filter, products * (Number(wantsX) + Number(wantsFilter)));
            return wrapAll(
              backward(
                input(dy),
                input(savedX),
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
                wantsX,
                isLastPass() && savedX !== undefined && isOwn(savedX),
                wantsFilter,
                wantResidual && isWanted(residual),
              ),
            );
          },
        };
      });
    };
  },
};

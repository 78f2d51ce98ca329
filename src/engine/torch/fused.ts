import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { composedOps } from '../fused/composed.js';
import { differentiable } from '../fused/differentiable.js';
import {
  batchNormEpsilon,
  batchNormMomentum,
  layerNormEpsilon,
  type Convolution,
  type FusedOps,
  type Mode,
} from '../fused/ops.js';
import { isLastPass, isWanted } from '../tape.js';
import type { TorchBackend } from './backend.js';
import type { Native, NativeResult, NativeTensor } from './native.js';

/**
 * The fused ops on libtorch: one native call forward, one backward (native/layers/fused.cc). Gradients are first-order only.
 * A gradient of a detached input is never computed, nor of parameters in a frozen mode.
 */
export function torchFusedOps(native: Native, backend: TorchBackend): FusedOps {
  const onGpu = backend.device === 'cuda';
  const conv = native.op('locallearn::conv');
  const convBackward = native.op('locallearn::conv_backward');
  const convBatchNorm = native.op('locallearn::conv_bn');
  const convBatchNormBackward = native.op('locallearn::conv_bn_backward');
  const batchNorm = native.op('locallearn::bn');
  const batchNormBackward = native.op('locallearn::bn_backward');
  const layerNorm = native.op('aten::native_layer_norm');
  const layerNormBackward = native.op('aten::native_layer_norm_backward');
  const gelu = native.op('aten::gelu');
  const geluBackward = native.op('aten::gelu_backward');
  const clone = native.op('aten::clone');
  const convert = native.op('aten::to', 'dtype');
  const crossEntropy = native.op('locallearn::cross_entropy');
  const crossEntropyBackward = native.op('locallearn::cross_entropy_backward');
  const binaryCrossEntropy = native.op('locallearn::binary_cross_entropy');
  const binaryCrossEntropyBackward = native.op('locallearn::binary_cross_entropy_backward_');
  const addTo = native.op('aten::add_', 'Tensor') as (...args: unknown[]) => NativeTensor;
  const scaleBy = native.op('aten::mul_', 'Tensor') as (...args: unknown[]) => NativeTensor;
  const sgd = native.op('locallearn::sgd_');
  const movingAverage = native.op('locallearn::moving_average_');

  const input = (tensor: tf.Tensor | undefined): NativeTensor | null =>
    tensor === undefined ? null : backend.input(tensor);
  const wrap = (results: NativeResult): (tf.Tensor | undefined)[] =>
    (results as (NativeTensor | null)[]).map((tensor) =>
      tensor === null ? undefined : backend.wrap(tensor),
    );
  /** Whether no other tensor shares its memory. */
  const isOwn = (tensor: tf.Tensor): boolean => backend.refCount(tensor.dataId) === 1;
  /** The variable's memory, to write to: first made its own where `assign` or `clone` shares it. */
  const writable = (variable: tf.Variable): NativeTensor => {
    if (!isOwn(variable)) {
      const copy = backend.wrap(clone(backend.input(variable)) as NativeTensor);
      variable.assign(copy);
      copy.dispose();
    }
    return backend.input(variable);
  };

  return {
    fromBytes(values, shape) {
      const bytes = native.fromTypedArray(values, shape, 'uint8', backend.device);
      try {
        return backend.wrap(convert(bytes, 'float32', false, false, null) as NativeTensor);
      } finally {
        bytes.dispose();
      }
    },

    conv(x, { filter, bias, stride, padding, groups }, mode) {
      const wantX = wantsGradient(x);
      const wanted = [...(wantX ? [x] : []), ...parametersOf({ filter, bias }, mode)];
      return differentiable(wanted, () => ({
        y: backend.wrap(
          conv(input(x), input(filter), input(bias), stride, padding, groups) as NativeTensor,
        ) as tf.Tensor4D,
        saved: [x],
        backward: (dy, [savedX]) =>
          wrap(
            convBackward(
              input(dy),
              input(savedX),
              input(filter),
              bias !== undefined,
              stride,
              padding,
              groups,
              wantX && isWanted(x),
              isLastPass() && isOwn(savedX!),
              mode.parameterGradients && isWanted(filter),
            ),
          ),
      }));
    },

    convBatchNorm(x, convolution, norm, { relu, residual, residualKept = false, mode }) {
      const { filter, bias, stride, padding, groups } = convolution;
      const { gamma, beta, runningMean, runningVariance } = norm;
      const wantX = wantsGradient(x);
      const wantResidual = residual !== undefined && wantsGradient(residual);
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
        const [y, c, mean, inverseDeviation] = wrap(
          convBatchNorm(
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
            mode.training,
            batchNormMomentum,
            batchNormEpsilon,
            relu,
          ),
        ) as [tf.Tensor4D, tf.Tensor, tf.Tensor, tf.Tensor];
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
            return wrap(
              convBatchNormBackward(
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
                mode.training,
                batchNormEpsilon,
                wantX && isWanted(x),
                isLastPass() && savedX !== undefined && isOwn(savedX),
                mode.parameterGradients && isWanted(filter),
                wantResidual && isWanted(residual),
              ),
            );
          },
        };
      });
    },

    batchNorm(x, norm, { relu, mode }) {
      const { gamma, beta, runningMean, runningVariance } = norm;
      const wantX = wantsGradient(x);
      const wanted = [...(wantX ? [x] : []), ...(mode.parameterGradients ? [gamma, beta] : [])];
      return differentiable(wanted, () => {
        const [y, mean, inverseDeviation] = wrap(
          batchNorm(
            input(x),
            input(gamma),
            input(beta),
            input(runningMean),
            input(runningVariance),
            mode.training,
            batchNormMomentum,
            batchNormEpsilon,
            relu,
          ),
        ) as [typeof x, tf.Tensor, tf.Tensor];
        return {
          y,
          saved: [x, mean, inverseDeviation],
          backward: (dy, [savedX, savedMean, savedDeviation]) => {
            const gradients = wrap(
              batchNormBackward(
                input(dy),
                input(savedX),
                relu,
                input(gamma),
                input(beta),
                input(savedMean),
                input(savedDeviation),
                mode.training,
                batchNormEpsilon,
              ),
            );
            // All three come out of the same two passes; what is not wanted is dropped.
            const unwanted = gradients.splice(mode.parameterGradients ? 3 : 1);
            if (!wantX) unwanted.push(...gradients.splice(0, 1));
            tf.dispose(unwanted);
            return gradients;
          },
        };
      });
    },

    layerNorm(x, { gamma, beta }, mode) {
      const channels = [gamma.size];
      const wantX = wantsGradient(x);
      const wanted = [...(wantX ? [x] : []), ...(mode.parameterGradients ? [gamma, beta] : [])];
      return differentiable(wanted, () => {
        const [y, mean, inverseDeviation] = wrap(
          layerNorm(input(x), channels, input(gamma), input(beta), layerNormEpsilon),
        ) as [typeof x, tf.Tensor, tf.Tensor];
        return {
          y,
          saved: [x, mean, inverseDeviation],
          backward: (dy, [savedX, savedMean, savedDeviation]) =>
            wrap(
              layerNormBackward(
                input(dy),
                input(savedX),
                channels,
                input(savedMean),
                input(savedDeviation),
                input(gamma),
                input(beta),
                [wantX, mode.parameterGradients, mode.parameterGradients],
              ),
            ),
        };
      });
    },

    gelu: (x) =>
      differentiable(wantsGradient(x) ? [x] : [], () => ({
        y: backend.wrap(gelu(input(x)) as NativeTensor) as typeof x,
        saved: [x],
        backward: (dy, [savedX]) => [backend.wrap(geluBackward(input(dy), input(savedX)) as NativeTensor)],
      })),

    crossEntropy: (logits, targets) =>
      differentiable([logits], () => {
        const [y, logarithms] = wrap(crossEntropy(input(logits), input(targets))) as [tf.Scalar, tf.Tensor];
        return {
          y,
          saved: [logarithms, targets],
          backward: (dy, [saved, savedTargets]) => [
            backend.wrap(crossEntropyBackward(input(dy), input(saved), input(savedTargets)) as NativeTensor),
          ],
        };
      }),

    binaryCrossEntropy: (logits, targets) =>
      differentiable([logits], () => ({
        y: backend.wrap(binaryCrossEntropy(input(logits), input(targets)) as NativeTensor) as tf.Scalar,
        saved: [logits, targets],
        backward: (dy, [savedLogits, savedTargets]) => {
          // The gradient is written over the logits, or over a copy where somebody else has them.
          const copy =
            isLastPass() && isOwn(savedLogits!) ? undefined : (clone(input(savedLogits)) as NativeTensor);
          const logit = copy ?? input(savedLogits);
          const gradient = binaryCrossEntropyBackward(input(dy), logit, input(savedTargets)) as NativeTensor;
          copy?.dispose();
          return [backend.wrap(gradient)];
        },
      })),

    accumulate(total, value) {
      if (!isOwn(total)) return composedOps.accumulate(total, value);
      addTo(input(total), input(value), 1).dispose();
      value.dispose();
      return total;
    },

    scale(x, factor) {
      if (!isOwn(x)) return composedOps.scale(x, factor);
      scaleBy(input(x), input(factor)).dispose();
      // The same memory as a tensor of the current scope: what a tape saved is kept beyond every scope.
      const y = x.clone() as typeof x;
      x.dispose();
      return y;
    },

    sgd(variables, gradients, momenta, { learningRate, momentum, weightDecay, nesterov }) {
      sgd(
        variables.map(writable),
        gradients.map((gradient) => backend.input(gradient)),
        momenta.map(writable),
        learningRate,
        momentum,
        weightDecay,
        nesterov,
      );
    },

    movingAverage(averages, values, momentum) {
      movingAverage(
        averages.map(writable),
        values.map((value) => backend.input(value)),
        momentum,
      );
    },
  };
}

const wantsGradient = (x: tf.Tensor): boolean => !isDetached(x);

function parametersOf({ filter, bias }: Pick<Convolution, 'filter' | 'bias'>, mode: Mode): tf.Tensor[] {
  if (!mode.parameterGradients) return [];
  return bias === undefined ? [filter] : [filter, bias];
}

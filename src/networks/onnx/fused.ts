import tf = require('@tensorflow/tfjs');
import { UserError } from '../../core/errors.js';
import type { FusedOps } from '../../engine/fused/all.js';
import {
  batchNormEpsilon,
  layerNormEpsilon,
  type BatchNormalization,
  type Convolution,
} from '../../engine/fused/ops.js';
import { channelsFirst, inOrder, type Graph, type Value } from './graph.js';

/** What recording needs of the backend: tensors as values, and values as tensors. */
export interface Recorder {
  readonly graph: Graph;
  readonly value: (tensor: tf.TensorInfo) => Value;
  readonly tensor: <T extends tf.Tensor>(value: Value) => T;
}

/** The fused ops as nodes; those that are no part of a forward pass in evaluation mode are refused. */
export function recordingOps({ graph, value, tensor }: Recorder): FusedOps {
  const convolve = (x: tf.TensorInfo, convolution: Convolution): Value => {
    const { filter, bias, stride, padding, groups, resized } = convolution;
    if (resized !== undefined) {
      throw new UserError(
        'a network whose convolutions resize what they read cannot be exported to ONNX: resize in a layer of its own',
      );
    }
    const input = graph.arrange(value(x), channelsFirst);
    const weight = graph.arrange(value(filter), [3, 2, 0, 1]);
    const [, height, width] = x.shape as [number, number, number, number];
    const [rows, columns, , channels] = filter.shape;
    const size = (length: number, window: number): number =>
      Math.floor((length + 2 * padding - window) / stride) + 1;
    const [name] = graph.node('Conv', [input.name, weight.name, ...(bias ? [value(bias).name] : [])], {
      kernel_shape: [rows, columns],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      group: groups,
    });
    const shape = [x.shape[0]!, size(height, rows), size(width, columns), channels];
    return { name, shape, order: channelsFirst };
  };
  const normalise = (x: Value, norm: BatchNormalization): Value => {
    const input = graph.arrange(x, x.shape.length === 4 ? channelsFirst : inOrder(x.shape.length));
    const statistics = [norm.gamma, norm.beta, norm.runningMean, norm.runningVariance];
    const [name] = graph.node(
      'BatchNormalization',
      [input.name, ...statistics.map((each) => value(each).name)],
      { epsilon: { float: batchNormEpsilon } },
    );
    return { ...input, name };
  };
  const rectified = (x: Value, relu: boolean): Value =>
    relu ? { ...x, name: graph.node('Relu', [x.name])[0] } : x;
  const never = (): never => {
    throw new Error('not part of a forward pass in evaluation mode');
  };
  // The standard kernel, which kernels.ts records.
  const maxPool: FusedOps['maxPool'] = (x, { window, stride, padding }) =>
    tf.maxPool(x, window, stride, padding);
  const convBatchNorm: FusedOps['convBatchNorm'] = (x, convolution, norm, { relu, residual }) => {
    let y = normalise(convolve(x, convolution), norm);
    if (residual !== undefined) {
      const shortcut = graph.arrange(value(residual), channelsFirst);
      y = { ...y, name: graph.node('Add', [y.name, shortcut.name])[0] };
    }
    return tensor(rectified(y, relu));
  };
  return {
    conv: (x, convolution) => tensor(convolve(x, convolution)),
    convBatchNorm,
    convBatchNormPool: (x, convolution, norm, { pool, ...options }) =>
      maxPool(convBatchNorm(x, convolution, norm, options), pool),
    batchNorm: (x, norm, { relu }) => tensor(rectified(normalise(value(x), norm), relu)),
    layerNorm(x, { gamma, beta }) {
      const input = graph.arrange(value(x), inOrder(x.rank));
      const [name] = graph.node('LayerNormalization', [input.name, value(gamma).name, value(beta).name], {
        axis: -1,
        epsilon: { float: layerNormEpsilon },
      });
      return tensor({ ...input, name });
    },
    gelu(x) {
      const input = value(x);
      const [scaled] = graph.node('Mul', [input.name, graph.scalar(Math.SQRT1_2)]);
      const [erf] = graph.node('Erf', [scaled]);
      const [shifted] = graph.node('Add', [erf, graph.scalar(1)]);
      const [halved] = graph.node('Mul', [shifted, graph.scalar(0.5)]);
      return tensor({ ...input, name: graph.node('Mul', [input.name, halved])[0] });
    },
    maxPool,
    fromBytes: never,
    crossEntropy: never,
    binaryCrossEntropy: never,
    accumulate: never,
    scale: never,
    sgd: never,
    adamw: never,
    movingAverage: never,
    toBfloat16: never,
    toFloat32: never,
    asMap: (x) => x,
    asFilter: (filter) => filter,
  };
}

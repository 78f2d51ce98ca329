import type * as tf from '@tensorflow/tfjs';
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';
import { movedStatistics, normalise, statisticsOf } from '../reference.js';

export const batchNormCases: readonly OpCase[] = [
  { shape: [7, 5], relu: true, training: true },
  { shape: [90, 19], relu: false, training: true },
  { shape: [2, 3, 4, 32], relu: true, training: false },
].map(({ shape, relu, training }) => {
  const channels = shape.at(-1)!;
  return {
    name: `BN of ${shape.join('×')}`,
    inputs: [
      { name: 'x', shape, value: (drawn) => drawn + 3 },
      { name: 'gamma', shape: [channels] },
      { name: 'beta', shape: [channels] },
    ],
    running: statisticsOf(channels),
    op: ([x, gamma, beta], [runningMean, runningVariance]) =>
      fused().batchNorm(
        x as tf.Tensor4D,
        {
          gamma: gamma as tf.Tensor1D,
          beta: beta as tf.Tensor1D,
          runningMean: runningMean as tf.Variable<tf.Rank.R1>,
          runningVariance: runningVariance as tf.Variable<tf.Rank.R1>,
        },
        { relu, mode: { training, parameterGradients: true } },
      ),
    reference: ([x, gamma, beta], [mean, variance]) =>
      normalise(x!, { gamma: gamma!, beta: beta!, mean: mean!, variance: variance! }, { training, relu }),
    moved: ([x], running) => (training ? movedStatistics(x!, running) : running),
    tolerance: { values: 2e-4, gradients: 1e-3 },
  } satisfies OpCase;
});

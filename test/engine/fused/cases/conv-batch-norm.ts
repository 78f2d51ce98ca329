import type * as tf from '@tensorflow/tfjs';
import { trainingMode, type Mode } from '../../../../src/engine/fused/ops.js';
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';
import {
  convolve,
  movedStatistics,
  normalise,
  outputShape,
  statisticsOf,
  type ConvShape,
  type Shape4,
} from '../reference.js';
import { maxPool, type Windows } from './max-pool.js';
import { resizeBilinear } from './resize.js';

interface Options extends Partial<Omit<ConvShape, 'x' | 'out'>> {
  /** Height and width of the input before it is resized to those of x. */
  readonly from?: readonly [height: number, width: number];
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly relu?: boolean;
  readonly mode?: Mode;
  /** What follows. */
  readonly pool?: Windows;
}

/** Of an input `[n, h, w, c]`; 3×3 at stride 1 without change of size, and no more, where the options do not say else. */
function convBatchNorm(name: string, [n, h, w, c]: readonly number[], out: number, options: Options): OpCase {
  const { kernel = 3, stride = 1, padding = 1, groups = 1, from, bias = false, residual = false } = options;
  const { relu = false, mode = trainingMode, pool } = options;
  const x = { n, h, w, c } as Shape4;
  const shape: ConvShape = { x, out, kernel, stride, padding, groups };
  const y = outputShape(shape);
  const [height, width] = from ?? [x.h, x.w];
  const names = [
    'x',
    'filter',
    'gamma',
    'beta',
    ...(bias ? ['bias'] : []),
    ...(residual ? ['residual'] : []),
  ];
  const named = <T>(values: readonly T[]): Record<string, T> =>
    Object.fromEntries(values.map((value, i) => [names[i]!, value]));
  const convolved = (at: Record<string, Float64Array>): Float64Array => {
    const read = from === undefined ? at['x']! : resizeBilinear(at['x']!, [x.n, ...from, x.c], [x.h, x.w]);
    return convolve(shape, read, at['filter']!, at['bias']);
  };
  return {
    name,
    inputs: [
      { name: 'x', shape: [x.n, height, width, x.c] },
      { name: 'filter', shape: [kernel, kernel, x.c / groups, out], value: (drawn) => 0.5 * drawn },
      { name: 'gamma', shape: [out], value: (drawn) => 1 + 0.3 * drawn },
      { name: 'beta', shape: [out], value: (drawn) => 0.3 * drawn },
      ...(bias ? [{ name: 'bias', shape: [out] }] : []),
      ...(residual ? [{ name: 'residual', shape: [y.n, y.h, y.w, y.c] }] : []),
    ],
    running: statisticsOf(out, 0.2),
    op(inputs, [runningMean, runningVariance]) {
      const at = named(inputs);
      const resized = from === undefined ? undefined : ([x.h, x.w] as const);
      const layers = [
        at['x'] as tf.Tensor4D,
        {
          ...{ filter: at['filter'] as tf.Tensor4D, bias: at['bias'] as tf.Tensor1D | undefined },
          ...{ stride, padding, groups, resized },
        },
        {
          gamma: at['gamma'] as tf.Tensor1D,
          beta: at['beta'] as tf.Tensor1D,
          runningMean: runningMean as tf.Variable<tf.Rank.R1>,
          runningVariance: runningVariance as tf.Variable<tf.Rank.R1>,
        },
      ] as const;
      return pool === undefined
        ? fused().convBatchNorm(...layers, {
            relu,
            residual: at['residual'] as tf.Tensor4D | undefined,
            mode,
          })
        : fused().convBatchNormPool(...layers, { relu, pool, mode });
    },
    reference(inputs, [mean, variance]) {
      const at = named(inputs);
      const norm = { gamma: at['gamma']!, beta: at['beta']!, mean: mean!, variance: variance! };
      const by = { training: mode.training, relu, residual: at['residual'] };
      const map = normalise(convolved(at), norm, by);
      return pool === undefined ? map : maxPool(map, [y.n, y.h, y.w, y.c], pool);
    },
    moved: (inputs, running) =>
      mode.training ? movedStatistics(convolved(named(inputs)), running) : running,
    // In front of batch statistics.
    flat: mode.training ? ['bias'] : [],
    tolerance: { values: 2e-4, gradients: 2e-4 },
  };
}

export const convBatchNormCases: readonly OpCase[] = [
  // Channel counts beside the vector width of 16, and more rows than are summed in one go.
  convBatchNorm('conv–BN, plain', [2, 5, 4, 3], 16, {}),
  convBatchNorm('conv–BN, with ReLU', [3, 6, 6, 4], 5, { relu: true }),
  convBatchNorm('conv–BN, stride 2 with bias', [2, 6, 5, 2], 20, { stride: 2, bias: true, relu: true }),
  convBatchNorm('conv–BN, 1×1 projection', [4, 5, 5, 3], 6, { kernel: 1, stride: 2, padding: 0 }),
  convBatchNorm('conv–BN, residual', [2, 4, 4, 6], 6, { residual: true }),
  convBatchNorm('conv–BN, residual with ReLU', [2, 6, 6, 2], 18, { residual: true, relu: true }),
  convBatchNorm('conv–BN, groups', [2, 4, 4, 4], 8, { groups: 2, relu: true }),
  convBatchNorm('conv–BN, groups at stride 2', [2, 5, 4, 12], 8, { groups: 4, stride: 2, bias: true }),
  convBatchNorm('conv–BN, a group for each channel', [2, 4, 4, 6], 6, { groups: 6, residual: true }),
  // An input that is resized first: read by plain tiles and by those of quads, made larger and smaller, by the library.
  convBatchNorm('conv–BN, resized', [3, 6, 7, 3], 5, { from: [3, 4], bias: true, relu: true }),
  convBatchNorm('conv–BN, resized, many channels', [2, 4, 4, 17], 16, {
    ...{ from: [2, 2], residual: true, relu: true },
  }),
  convBatchNorm('conv–BN, made smaller, stride 2', [2, 5, 4, 4], 3, { from: [7, 9], stride: 2, relu: true }),
  convBatchNorm('conv–BN, resized, groups', [2, 5, 4, 4], 6, { from: [3, 2], groups: 2, relu: true }),
  convBatchNorm('conv–BN, running statistics', [2, 4, 4, 3], 5, {
    ...{ residual: true, relu: true, mode: { training: false, parameterGradients: true } },
  }),
];

const stem = { kernel: 5, stride: 2, padding: 2 };

export const convBatchNormPoolCases: readonly OpCase[] = [
  convBatchNorm('conv–BN–pool, with ReLU', [2, 9, 8, 3], 5, {
    ...{ ...stem, relu: true, pool: { window: 3, stride: 2, padding: 1 } },
  }),
  convBatchNorm('conv–BN–pool, windows side by side', [2, 6, 5, 2], 17, {
    ...{ bias: true, pool: { window: 2, stride: 2, padding: 0 } },
  }),
  convBatchNorm('conv–BN–pool, running statistics', [2, 9, 8, 3], 4, {
    ...{ ...stem, relu: true, mode: { training: false, parameterGradients: true } },
    pool: { window: 3, stride: 1, padding: 1 },
  }),
];

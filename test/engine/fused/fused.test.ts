import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainingMode, type Mode } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { selectEngine } from '../../../src/engine/select.js';
import { randomStream } from '../../../src/core/random.js';
import { testEngines } from '../../support/engine.js';
import { convCases } from './conv-cases.js';
import { resizeBilinear } from './small-ops-reference.js';
import { convolve, moments, normalise, numericGradient, outputShape, type ConvCase } from './reference.js';

/** Values for one test. No ReLU's input may lie within rounding of 0, where gradients jump: hence a seed that was tried. */
const drawing = (name: string): ((size: number, scale?: number) => Float64Array) => {
  const random = randomStream(2, 'fused ops', name);
  return (size, scale = 1) => Float64Array.from({ length: size }, () => Math.fround(scale * random.normal()));
};
const tensor = (values: Float64Array, shape: number[]): tf.Tensor =>
  tf.tensor(Float32Array.from(values), shape);
const vector = (values: Float64Array): tf.Variable<tf.Rank.R1> =>
  tf.tidy(() => tf.variable(tf.tensor1d(Float32Array.from(values))));

function expectClose(found: tf.Tensor, expected: Float64Array, tolerance = 2e-4): void {
  const values = found.dataSync();
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  expect(values.length).toBe(expected.length);
  expected.forEach((value, i) => expect(Math.abs(values[i]! - value) / scale).toBeLessThan(tolerance));
}

for (const engine of testEngines) {
  describe(`fused ops on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    it.each([ArrayBuffer, SharedArrayBuffer])('bytes in an %o become floats', (Memory) => {
      const values = new Uint8Array(new Memory(7)).subarray(1);
      values.set([0, 1, 127, 128, 255, 9]);
      tf.tidy(() => {
        const tensor = fused().fromBytes(values, [3, 2]);
        expect(tensor.dtype).toBe('float32');
        expect(tensor.arraySync()).toEqual([
          [0, 1],
          [127, 128],
          [255, 9],
        ]);
      });
    });

    it.each(convCases)('conv–BN, $name: values, running statistics and all gradients', (test) => {
      const { x, from, out, kernel, groups, bias, residual, relu, mode } = test;
      const [height, width] = from ?? [x.h, x.w];
      const draw = drawing(test.name);
      const y = outputShape(test);
      const size = y.n * y.h * y.w * y.c;
      const given = {
        x: draw(x.n * height * width * x.c),
        filter: draw(kernel * kernel * (x.c / groups) * out, 0.5),
        gamma: draw(out).map((value) => Math.fround(1 + 0.3 * value)),
        beta: draw(out, 0.3),
        ...(bias ? { bias: draw(out) } : {}),
        ...(residual ? { residual: draw(size) } : {}),
      };
      type Given = Record<keyof typeof given, Float64Array>;
      const running = {
        mean: draw(out, 0.2),
        variance: draw(out).map((value) => Math.fround(1 + value ** 2)),
      };
      const weights = draw(size);
      const convolved = (at: Given): Float64Array => {
        const read = from === undefined ? at.x : resizeBilinear(at.x, [x.n, ...from, x.c], [x.h, x.w]);
        return convolve(test, read, at.filter, at.bias);
      };
      const forward = (at: Given): Float64Array => {
        const c = convolved(at);
        return normalise(c, { ...at, ...running }, { training: mode.training, relu, residual: at.residual });
      };
      const lossAt = (at: Given): number =>
        forward(at).reduce((sum, value, i) => sum + value * weights[i]!, 0);

      const shapes: Record<string, number[]> = {
        x: [x.n, height, width, x.c],
        filter: [kernel, kernel, x.c / groups, out],
        residual: [y.n, y.h, y.w, y.c],
      };
      const names = Object.keys(given) as (keyof typeof given)[];
      const before = tf.memory().numTensors;
      const runningMean = vector(running.mean);
      const runningVariance = vector(running.variance);
      const inputs = names.map((name) => tensor(given[name]!, shapes[name] ?? [out]));
      const op = (...tensors: tf.Tensor[]): tf.Tensor => {
        const at = Object.fromEntries(names.map((name, i) => [name, tensors[i]])) as Record<
          string,
          tf.Tensor
        >;
        return fused().convBatchNorm(
          at['x'] as tf.Tensor4D,
          {
            filter: at['filter'] as tf.Tensor4D,
            bias: at['bias'] as tf.Tensor1D | undefined,
            stride: test.stride,
            padding: test.padding,
            groups,
            resized: from === undefined ? undefined : [x.h, x.w],
          },
          {
            gamma: at['gamma'] as tf.Tensor1D,
            beta: at['beta'] as tf.Tensor1D,
            runningMean,
            runningVariance,
          },
          { relu, residual: at['residual'] as tf.Tensor4D | undefined, mode },
        );
      };
      const dy = tensor(weights, [y.n, y.h, y.w, y.c]);
      const { value, grads } = tf.valueAndGrads(op)(inputs, dy);

      expectClose(value, forward(given as Given));
      names.forEach((name, i) => {
        const numeric = numericGradient((at) => lossAt({ ...(given as Given), [name]: at }), given[name]!);
        // A bias in front of batch statistics has no gradient: what is left is rounding.
        if (name === 'bias' && mode.training)
          expect(Math.max(...grads[i]!.dataSync().map(Math.abs))).toBeLessThan(1e-4);
        else expectClose(grads[i]!, numeric);
      });
      const c = convolved(given as Given);
      const batch = moments(c, out);
      const count = size / out;
      const blend = (old: Float64Array, now: Float64Array, factor: number): Float64Array =>
        mode.training ? old.map((value, j) => 0.9 * value + 0.1 * now[j]! * factor) : old;
      expectClose(runningMean, blend(running.mean, batch.mean, 1));
      expectClose(runningVariance, blend(running.variance, batch.variance, count / (count - 1)));

      expect(dy.isDisposed).toBe(false);
      tf.dispose([value, dy, runningMean, runningVariance, ...grads, ...inputs]);
      expect(tf.memory().numTensors).toBe(before);
    });

    it.each([
      { shape: [7, 5], relu: true, training: true },
      { shape: [90, 19], relu: false, training: true },
      { shape: [2, 3, 4, 32], relu: true, training: false },
    ])('BN of $shape: values and all gradients', ({ shape, relu, training }) => {
      const draw = drawing(String(shape));
      const channels = shape[shape.length - 1]!;
      const size = shape.reduce((product, length) => product * length, 1);
      const given = {
        x: draw(size).map((value) => Math.fround(value + 3)),
        gamma: draw(channels),
        beta: draw(channels),
      };
      const running = {
        mean: draw(channels),
        variance: draw(channels).map((value) => Math.fround(1 + value ** 2)),
      };
      const weights = draw(size);
      const forward = (at: typeof given): Float64Array =>
        normalise(at.x, { ...at, ...running }, { training, relu });
      const mode: Mode = { training, parameterGradients: true };
      const op = (...tensors: tf.Tensor[]): tf.Tensor =>
        fused().batchNorm(
          tensors[0] as tf.Tensor4D,
          {
            gamma: tensors[1] as tf.Tensor1D,
            beta: tensors[2] as tf.Tensor1D,
            runningMean: vector(running.mean),
            runningVariance: vector(running.variance),
          },
          { relu, mode },
        );
      const { value, grads } = tf.valueAndGrads(op)(
        [tensor(given.x, shape), tensor(given.gamma, [channels]), tensor(given.beta, [channels])],
        tensor(weights, shape),
      );
      expectClose(value, forward(given));
      (['x', 'gamma', 'beta'] as const).forEach((name, i) => {
        const numeric = numericGradient(
          (at) => forward({ ...given, [name]: at }).reduce((sum, v, k) => sum + v * weights[k]!, 0),
          given[name],
        );
        expectClose(grads[i]!, numeric, 1e-3);
      });
    });

    it.each([[5, 5] as const, [2, 3] as const])(
      'conv with bias of %i×%i: values and all gradients',
      (...from) => {
        const draw = drawing('conv');
        const test: ConvCase = {
          x: { n: 2, h: 5, w: 5, c: 3 },
          out: 4,
          kernel: 3,
          stride: 1,
          padding: 1,
          groups: 1,
        };
        const given = { x: draw(6 * from[0] * from[1]), filter: draw(108), bias: draw(4) };
        const forward = (at: typeof given): Float64Array =>
          convolve(test, resizeBilinear(at.x, [2, ...from, 3], [5, 5]), at.filter, at.bias);
        const weights = draw(200);
        const op = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
          fused().conv(
            x as tf.Tensor4D,
            {
              ...{
                filter: filter as tf.Tensor4D,
                bias: bias as tf.Tensor1D,
                stride: 1,
                padding: 1,
                groups: 1,
              },
              ...(from[0] === 5 ? {} : { resized: [5, 5] }),
            },
            trainingMode,
          );
        const { value, grads } = tf.valueAndGrads(op)(
          [tensor(given.x, [2, ...from, 3]), tensor(given.filter, [3, 3, 3, 4]), tensor(given.bias, [4])],
          tensor(weights, [2, 5, 5, 4]),
        );
        expectClose(value, forward(given));
        (['x', 'filter', 'bias'] as const).forEach((name, i) => {
          const numeric = numericGradient((at) => {
            return forward({ ...given, [name]: at }).reduce((sum, v, k) => sum + v * weights[k]!, 0);
          }, given[name]);
          expectClose(grads[i]!, numeric);
        });
      },
    );

    it('moves averages towards values', () => {
      const average = vector(Float64Array.of(1, 2));
      fused().movingAverage([average], [tf.tensor1d([3, -2])], 0.75);
      expectClose(average, Float64Array.of(1.5, 1));
    });

    it('copies where memory is shared before it writes', () => {
      const a = vector(Float64Array.of(1, 2));
      const b = tf.variable(tf.tensor1d([0, 0]));
      b.assign(a);
      const momenta = [tf.variable(tf.zeros([2]))];
      const settings = { learningRate: 1, momentum: 0, weightDecay: 0, nesterov: false };
      fused().sgd([a], [tf.tensor1d([1, 1])], momenta, settings);
      expectClose(a, Float64Array.of(0, 1));
      expectClose(b, Float64Array.of(1, 2));
    });
  });
}

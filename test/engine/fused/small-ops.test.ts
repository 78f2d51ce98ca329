import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { detach } from '../../../src/engine/detached.js';
import { addOp } from '../../../src/engine/fused/add.js';
import { attentionOp } from '../../../src/engine/fused/attention.js';
import { blendOp } from '../../../src/engine/fused/blend.js';
import { linearOp } from '../../../src/engine/fused/linear.js';
import { evaluationMode, frozenMode, trainingMode } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { resizeBilinearOp } from '../../../src/engine/fused/resize.js';
import { selectEngine } from '../../../src/engine/select.js';
import { randomStream } from '../../../src/core/random.js';
import { testEngines } from '../../support/engine.js';
import { numericGradient } from './reference.js';
import { attention, gelu, layerNorm, linear, maxPool, resizeBilinear } from './small-ops-reference.js';

interface OpCase {
  readonly name: string;
  /** Shape of each input. */
  readonly shapes: readonly (readonly number[])[];
  readonly op: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly reference: (...inputs: Float64Array[]) => Float64Array;
}

const heads = { batch: 2, tokens: 5, width: 6, heads: 3 };
const cases: readonly OpCase[] = [
  {
    name: 'linear on a map',
    shapes: [[2, 3, 2, 4], [4, 5], [5]],
    op: (x, weight, bias) => linearOp(x, weight as tf.Tensor2D, bias as tf.Tensor1D, trainingMode),
    reference: (x, weight, bias) => linear(x!, weight!, bias!),
  },
  {
    name: 'linear without bias',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    op: (x, weight) => linearOp(x, weight as tf.Tensor2D, undefined, trainingMode),
    reference: (x, weight) => linear(x!, weight!, new Float64Array(2)),
  },
  {
    name: 'layer normalisation of a map',
    shapes: [[2, 2, 3, 8], [8], [8]],
    op: (x, gamma, beta) =>
      fused().layerNorm(x, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }, trainingMode),
    reference: (x, gamma, beta) => layerNorm(x!, gamma!, beta!),
  },
  {
    name: 'GELU',
    shapes: [[4, 2, 2, 3]],
    op: (x) => fused().gelu(x),
    reference: (x) => gelu(x!),
  },
  {
    name: 'attention',
    shapes: [[heads.batch, heads.tokens, 3 * heads.width]],
    op: (packed) => attentionOp(packed as tf.Tensor3D, heads.heads, packed),
    reference: (packed) => attention(packed!, heads),
  },
  ...(
    [
      ['up', [7, 5]],
      ['down', [2, 3]],
    ] as const
  ).map(([way, to]) => ({
    name: `bilinear resize ${way}`,
    shapes: [[2, 4, 3, 2]],
    op: (x: tf.Tensor) => resizeBilinearOp(x as tf.Tensor4D, to),
    reference: (x: Float64Array) => resizeBilinear(x, [2, 4, 3, 2], to),
  })),
  ...[
    { window: 3, stride: 2, padding: 1 },
    { window: 2, stride: 2, padding: 0 },
  ].map((pooling) => ({
    name: `max pool of windows ${pooling.window} wide`,
    shapes: [[2, 5, 6, 3]],
    op: (x: tf.Tensor) => fused().maxPool(x as tf.Tensor4D, pooling),
    reference: (x: Float64Array) => maxPool(x, [2, 5, 6, 3], pooling),
  })),
  {
    name: 'sum',
    shapes: [
      [2, 3, 3, 2],
      [2, 3, 3, 2],
    ],
    op: (a, b) => addOp(a, b),
    reference: (a, b) => a!.map((value, i) => value + b![i]!),
  },
  {
    name: 'blend',
    shapes: [[], [2, 3, 3, 2], [2, 3, 3, 2]],
    op: (share, a, b) => blendOp(share as tf.Scalar, a!, b!),
    reference: (share, a, b) => a!.map((value, i) => share![0]! * value + (2 - share![0]!) * b![i]!),
  },
];

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
const tensor = (values: Float64Array, shape: readonly number[]): tf.Tensor =>
  tf.tensor(Float32Array.from(values), [...shape]);

function expectClose(found: tf.Tensor, expected: Float64Array): void {
  const values = found.dataSync();
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  expect(values.length).toBe(expected.length);
  expected.forEach((value, i) => expect(Math.abs(values[i]! - value) / scale).toBeLessThan(1e-5));
}

for (const engine of testEngines) {
  describe(`ops of one tape entry on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    it.each(cases)(
      '$name: values and all gradients, and nothing is left',
      ({ name, shapes, op, reference }) => {
        const random = randomStream(1, 'small ops', name);
        const draw = (size: number): Float64Array =>
          Float64Array.from({ length: size }, () => Math.fround(random.normal()));
        const given = shapes.map((shape) => draw(sizeOf(shape)));
        const expected = reference(...given);
        const weights = draw(expected.length);

        const before = tf.memory().numTensors;
        const inputs = given.map((values, i) => tensor(values, shapes[i]!));
        const shape = tf.tidy(() => op(...inputs).shape);
        const dy = tensor(weights, shape);
        const { value, grads } = tf.valueAndGrads(op)(inputs, dy);
        expectClose(value, expected);
        given.forEach((values, i) => {
          const numeric = numericGradient(
            (at) =>
              reference(...given.map((other, j) => (j === i ? at : other))).reduce(
                (sum, each, k) => sum + each * weights[k]!,
                0,
              ),
            values,
          );
          expect(grads[i]!.shape).toEqual(shapes[i]);
          expectClose(grads[i]!, numeric);
        });
        expect(dy.isDisposed).toBe(false);
        tf.dispose([value, dy, ...grads, ...inputs]);
        expect(tf.memory().numTensors).toBe(before);
      },
    );

    it('computes no gradient that nobody can ask for', () => {
      const x = detach(tf.randomNormal([2, 3, 3, 4], 0, 1, 'float32', 1));
      const weight = tf.variable(tf.randomNormal<tf.Rank.R2>([4, 4], 0, 1, 'float32', 2));
      const gamma = tf.variable(tf.ones<tf.Rank.R1>([4]));
      const beta = tf.variable(tf.zeros<tf.Rank.R1>([4]));
      const loss = (mode: typeof trainingMode): tf.Scalar =>
        tf.sum(tf.square(linearOp(fused().layerNorm(x, { gamma, beta }, mode), weight, undefined, mode)));
      const variables = [weight, gamma, beta] as tf.Variable[];
      const { grads } = tf.variableGrads(() => loss(trainingMode), variables);
      for (const { name } of variables) expect(tf.sum(tf.abs(grads[name]!)).dataSync()[0]).toBeGreaterThan(0);
      for (const mode of [frozenMode, evaluationMode])
        expect(() => tf.variableGrads(() => loss(mode), variables)).toThrow(/connection/);
    });
  });
}

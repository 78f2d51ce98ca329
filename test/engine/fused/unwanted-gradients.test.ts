import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { detach } from '../../../src/engine/detached.js';
import { linearOp } from '../../../src/engine/fused/linear.js';
import {
  evaluationMode,
  frozenMode,
  trainingMode,
  type BatchNormalization,
  type Convolution,
  type Mode,
} from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { selectEngine } from '../../../src/engine/select.js';
import { nativeStatus } from '../../../src/engine/torch/load-native.js';
import { torchEngine } from '../../support/device.js';
import { testEngines } from '../../support/engine.js';

const native = nativeStatus();
const vector = (values: readonly number[]): tf.Variable<tf.Rank.R1> => tf.variable(tf.tensor1d([...values]));

interface Built {
  x: tf.Tensor4D;
  convolution: Convolution;
  norm: BatchNormalization;
}

describe.skipIf(!native.available)('gradients that nobody can ask for', () => {
  const build = (): Built => ({
    x: tf.randomNormal<tf.Rank.R4>([2, 4, 4, 3], 0, 1, 'float32', 1),
    convolution: {
      filter: tf.variable(tf.randomNormal([3, 3, 3, 4], 0, 1, 'float32', 2)),
      stride: 1,
      padding: 1,
      groups: 1,
    },
    norm: {
      gamma: vector([1, 1, 1, 1]),
      beta: vector([0, 0, 0, 0]),
      runningMean: vector([0, 0, 0, 0]),
      runningVariance: vector([1, 1, 1, 1]),
    },
  });
  const run = ({ x, convolution, norm }: Built, mode: Mode): tf.Scalar =>
    tf.sum(fused().convBatchNorm(x, convolution, norm, { relu: true, mode }));
  beforeAll(() => selectEngine(torchEngine, { fullPrecision: true }));

  it('gives the parameters of a layer on a detached input the gradients they have otherwise', () => {
    const built = build();
    const variables = [built.convolution.filter as unknown as tf.Variable, built.norm.gamma as tf.Variable];
    const whole = tf.variableGrads(() => run(built, trainingMode), variables).grads;
    const cut = tf.variableGrads(() => run({ ...built, x: detach(built.x) }, trainingMode), variables).grads;
    for (const { name } of variables) expect(cut[name]!.dataSync()).toEqual(whole[name]!.dataSync());
  });

  it('passes gradients through frozen parameters and gives them none', () => {
    const built = build();
    const plain = tf.grad((x) => run({ ...built, x: x as tf.Tensor4D }, trainingMode))(built.x);
    const frozen = tf.grad((x) => run({ ...built, x: x as tf.Tensor4D }, frozenMode))(built.x);
    expect(frozen.dataSync()).toEqual(plain.dataSync());
    const filter = built.convolution.filter as unknown as tf.Variable;
    expect(() => tf.variableGrads(() => run(built, frozenMode), [filter])).toThrow(/connection/);
  });

  it('records nothing in evaluation', () => {
    const built = build();
    const filter = built.convolution.filter as unknown as tf.Variable;
    expect(() => tf.variableGrads(() => run(built, evaluationMode), [filter])).toThrow(/connection/);
  });

  it('lets NaN through, so that a loss shows it', () => {
    const built = build();
    const x = tf.mul<tf.Tensor4D>(built.x, NaN);
    for (const mode of [trainingMode, evaluationMode])
      expect(run({ ...built, x }, mode).dataSync()[0]).toBeNaN();
  });
});

for (const engine of testEngines) {
  describe(`gradients that nobody can ask for on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    it('are not computed of a detached input, nor of frozen parameters', () => {
      const x = detach(tf.randomNormal([2, 3, 3, 4], 0, 1, 'float32', 1));
      const weight = tf.variable(tf.randomNormal<tf.Rank.R2>([4, 4], 0, 1, 'float32', 2));
      const gamma = tf.variable(tf.ones<tf.Rank.R1>([4]));
      const beta = tf.variable(tf.zeros<tf.Rank.R1>([4]));
      const loss = (mode: Mode): tf.Scalar =>
        tf.sum(tf.square(linearOp(fused().layerNorm(x, { gamma, beta }, mode), weight, undefined, mode)));
      const variables = [weight, gamma, beta] as tf.Variable[];
      const { grads } = tf.variableGrads(() => loss(trainingMode), variables);
      for (const { name } of variables) expect(tf.sum(tf.abs(grads[name]!)).dataSync()[0]).toBeGreaterThan(0);
      for (const mode of [frozenMode, evaluationMode])
        expect(() => tf.variableGrads(() => loss(mode), variables)).toThrow(/connection/);
    });
  });
}

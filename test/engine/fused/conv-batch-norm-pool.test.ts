import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { trainingMode, type BatchNormalization } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { withPrecision, type Precision } from '../../../src/engine/precision.js';
import { hasTorch, startEngine } from '../../support/engine.js';

const drawn = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
const vector = (values: tf.Tensor) => tf.variable(values) as tf.Variable<tf.Rank.R1>;
const images = 3;
const size = 32;
const channels = 20;
const pool = { window: 3, stride: 2, padding: 1 } as const;
const mapBytes = 4 * images * (size / 2) ** 2 * channels;

type Stem = (x: tf.Tensor4D, filter: tf.Variable<tf.Rank.R4>, norm: BatchNormalization) => tf.Tensor4D;
const stride = { stride: 2, padding: 3, groups: 1 };

const asOne: Stem = (x, filter, norm) =>
  fused().convBatchNormPool(x, { filter, ...stride }, norm, { relu: true, pool, mode: trainingMode });
const inTwo: Stem = (x, filter, norm) => {
  const map = fused().convBatchNorm(x, { filter, ...stride }, norm, { relu: true, mode: trainingMode });
  const y = fused().maxPool(map, pool);
  map.dispose();
  return y;
};

describe.skipIf(!hasTorch)('a stem whose normalised map is pooled', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine('torch');
  });

  /** Its result, running statistics and gradients, and what a step takes at most. */
  const run = (stem: Stem, precision: Precision): { readonly numbers: unknown; readonly peak: number } => {
    const before = engine.memory.current();
    const x = drawn([images, size, size, 3], 1) as tf.Tensor4D;
    const filter = tf.variable(drawn([7, 7, 3, channels], 2)) as tf.Variable<tf.Rank.R4>;
    const norm = {
      ...{ gamma: vector(drawn([channels], 3)), beta: vector(drawn([channels], 4)) },
      ...{ runningMean: vector(tf.zeros([channels])), runningVariance: vector(tf.ones([channels])) },
    };
    const variables = [filter, norm.gamma, norm.beta] as unknown as tf.Variable[];
    let y: unknown;
    engine.memory.reset();
    const { grads } = tf.variableGrads(
      () =>
        withPrecision(precision, () => {
          const pooled = stem(x, filter, norm);
          const wide = pooled.toFloat();
          y = wide.dataSync();
          return tf.sum(tf.square(wide));
        }),
      variables,
    );
    const peak = engine.memory.peak() - before;
    const running = [norm.runningMean, norm.runningVariance].map((each) => each.dataSync());
    const gradients = variables.map(({ name }) => grads[name]!.dataSync());
    tf.dispose([x, grads, ...variables, norm.runningMean, norm.runningVariance]);
    return { numbers: { y, running, gradients }, peak };
  };

  it.each(['float32', 'bf16'] as const)('is the same to the last bit in less memory, in %s', (precision) => {
    const [one, two] = [run(asOne, precision), run(inTwo, precision)];
    expect(one.numbers).toEqual(two.numbers);
    if (precision === 'float32') expect(two.peak - one.peak).toBeGreaterThan(mapBytes / 2);
  });
});

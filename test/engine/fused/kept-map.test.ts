import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { trainingMode, type BatchNormalization, type Convolution } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { withPrecision, type Precision } from '../../../src/engine/precision.js';
import { hasTorch, startEngine } from '../../support/engine.js';

const drawn = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
const channels = 6;
const mapBytes = 4 * 4 * 16 * 16 * channels;

interface Layers {
  readonly x: tf.Tensor4D;
  readonly convolution: Convolution;
  readonly norm: BatchNormalization;
  /** Of what reads the first layer's map. */
  readonly next: Convolution;
}

const build = (): Layers => {
  const vector = (values: tf.Tensor) => tf.variable(values) as tf.Variable<tf.Rank.R1>;
  const convolution = (inputs: number, seed: number): Convolution => ({
    filter: tf.variable(drawn([3, 3, inputs, channels], seed)) as tf.Variable<tf.Rank.R4>,
    ...{ stride: 1, padding: 1, groups: 1 },
  });
  return {
    x: drawn([4, 16, 16, 3], 1) as tf.Tensor4D,
    convolution: convolution(3, 2),
    next: convolution(channels, 3),
    norm: {
      ...{ gamma: vector(drawn([channels], 4)), beta: vector(drawn([channels], 5)) },
      ...{ runningMean: vector(tf.zeros([channels])), runningVariance: vector(tf.ones([channels])) },
    },
  };
};

/** How the second layer reads the map: as it is, or resized, and whether batch normalisation follows. */
const readers = {
  convBatchNorm: (map: tf.Tensor4D, { next, norm }: Layers) =>
    fused().convBatchNorm(map, next, norm, { relu: true, mode: trainingMode }),
  'convBatchNorm, resized': (map: tf.Tensor4D, { next, norm }: Layers) =>
    fused().convBatchNorm(map, { ...next, resized: [9, 11] }, norm, { relu: true, mode: trainingMode }),
  conv: (map: tf.Tensor4D, { next }: Layers) => fused().conv(map, next, trainingMode),
};

describe.skipIf(!hasTorch)('a map between two layers', () => {
  let engine: Engine;
  let layers: Layers;
  beforeAll(async () => {
    engine = await startEngine('torch');
    layers = build();
  });

  /** Gradients, and what the forward pass holds. */
  const run = (
    read: (typeof readers)['conv'],
    precision: Precision,
    through: (map: tf.Tensor4D) => tf.Tensor4D,
  ): { readonly gradients: unknown; readonly heldBytes: number } => {
    const { x, convolution, norm, next } = layers;
    const variables = [convolution.filter, next.filter, norm.gamma, norm.beta] as unknown as tf.Variable[];
    let heldBytes = 0;
    const { grads } = tf.variableGrads(
      () =>
        withPrecision(precision, () => {
          const before = engine.memory.current();
          const map = fused().convBatchNorm(x, convolution, norm, { relu: true, mode: trainingMode });
          const given = through(map);
          if (given !== map) map.dispose();
          const y = read(given, layers);
          given.dispose();
          heldBytes = engine.memory.current() - before;
          return tf.sum(tf.square(y.toFloat()));
        }),
      variables,
    );
    const gradients = variables.map(({ name }) => grads[name]!.dataSync());
    tf.dispose(grads);
    return { gradients, heldBytes };
  };

  it.each(Object.keys(readers) as (keyof typeof readers)[])(
    '%s: is not kept, and gradients are the same to the last bit',
    (name) => {
      for (const precision of ['float32', 'bf16'] as const) {
        const found = run(readers[name], precision, (map) => map);
        // The same values, of which nobody knows where they came from.
        const kept = run(readers[name], precision, (map) => tf.maximum(map, 0));
        expect(found.gradients).toEqual(kept.gradients);
        if (precision === 'float32')
          expect(kept.heldBytes - found.heldBytes).toBeGreaterThanOrEqual(mapBytes);
      }
    },
  );
});

import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { detach } from '../../src/engine/detached.js';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { fused } from '../../src/engine/fused/registry.js';
import { withRecompute } from '../../src/engine/recompute.js';
import { createBatch, detachedImages, type Batch } from '../../src/local/batch.js';
import { rootScope } from '../../src/nn/parameters.js';
import { convBatchNorm } from '../../src/nn/layers.js';
import { recomputable, trainableVariables } from '../../src/nn/layer.js';
import { hasTorch, startEngine } from '../support/engine.js';

const shape = [12, 12, 3] as const;
const images = 8;
const bytes = images * 12 * 12 * 3;
const values = Uint8Array.from({ length: bytes }, (_, i) => (i * 37) % 256);
const normalization = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] };

describe.skipIf(!hasTorch)('images that a first layer reads', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine('torch');
  });

  /** Gradients, and what is held behind the forward pass beside the result. */
  const run = (read: (batch: Batch) => tf.Tensor, layer: (x: tf.Tensor) => tf.Tensor, of: tf.Variable[]) => {
    const batch = createBatch(values, new Array<number>(images).fill(0), shape, 2, normalization);
    let held = 0;
    const { grads } = tf.variableGrads(() => {
      const before = engine.memory.current();
      const x = read(batch);
      const y = layer(x);
      x.dispose();
      held = engine.memory.current() - before;
      return tf.sum(tf.square(y));
    }, of);
    const gradients = of.map(({ name }) => grads[name]!.dataSync());
    tf.dispose([batch.labels, grads]);
    return { gradients, held };
  };
  const kept = (batch: Batch): tf.Tensor => detach(tf.tidy(() => batch.images));

  const options = { inChannels: 3, outChannels: 4, kernel: 3, relu: true };
  const build = () => convBatchNorm(rootScope(1), ['conv', 'norm'], options);
  const layers = {
    'a convolution': () => {
      const filter = tf.variable(
        tf.randomNormal([3, 3, 3, 4], 0, 1, 'float32', 1),
      ) as tf.Variable<tf.Rank.R4>;
      const convolution = { filter, stride: 1, padding: 1, groups: 1 };
      const forward = (x: tf.Tensor) => fused().conv(x as tf.Tensor4D, convolution, trainingMode);
      return { forward, variables: [filter as unknown as tf.Variable] };
    },
    'one with batch normalisation': () => {
      const layer = build();
      return {
        forward: (x: tf.Tensor) => layer.forward(x, trainingMode),
        variables: trainableVariables([layer]),
      };
    },
    'one that is made again': () => {
      const layer = recomputable(build());
      return {
        forward: (x: tf.Tensor) => withRecompute('units', () => layer.forward(x, trainingMode)),
        variables: trainableVariables([layer]),
      };
    },
  };

  it.each(Object.entries(layers))('%s keeps none of them, and has the same gradients', (_, make) => {
    const { forward, variables } = make();
    const [anew, held] = [run(detachedImages, forward, variables), run(kept, forward, variables)];
    expect(anew.gradients).toEqual(held.gradients);
    expect(held.held - anew.held).toBeGreaterThanOrEqual(4 * bytes);
    tf.dispose(variables);
  });
});

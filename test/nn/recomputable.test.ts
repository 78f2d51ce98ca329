import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { withRecompute } from '../../src/engine/recompute.js';
import { dropout } from '../../src/nn/dropout.js';
import {
  disposeLayer,
  recomputable,
  sequential,
  trainableVariables,
  type Layer,
} from '../../src/nn/layer.js';
import { convBatchNorm } from '../../src/nn/layers.js';
import { childScope, rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

beforeAll(async () => {
  await startEngine();
});

/** What two training passes leave: outputs, gradients, running statistics and counters. */
function passes(layer: Layer, recompute: 'none' | 'units'): unknown[] {
  const x = tf.randomNormal([2, 4, 4, 3], 0, 1, 'float32', 7);
  const found: unknown[] = [];
  for (let pass = 0; pass < 2; pass++) {
    const run = (...tensors: tf.Tensor[]): tf.Tensor => layer.forward(tensors[0]!, trainingMode);
    const { value, grads } = withRecompute(recompute, () =>
      tf.valueAndGrads(run)([x, ...trainableVariables([layer])], tf.onesLike(x)),
    );
    found.push([value, ...grads].map((each) => [...each.dataSync()]));
    tf.dispose([value, grads]);
  }
  found.push(layer.buffers.map(({ variable }) => [...variable.dataSync()]));
  found.push(layer.counters?.map(({ value }) => value));
  x.dispose();
  return found;
}

const build = (): Layer => {
  const scope = rootScope(1);
  const options = { inChannels: 3, outChannels: 3, kernel: 3, relu: true };
  return recomputable(
    sequential([convBatchNorm(scope, ['conv', 'norm'], options), dropout(childScope(scope, 'drop'), 0.5)]),
  );
};

test('what is recomputed draws its dropout again, and counts once', () => {
  const [plain, recomputed] = [build(), build()];
  const expected = passes(plain, 'none');
  expect(expected.at(-1)).toEqual([2, 2]);
  expect(passes(recomputed, 'units')).toEqual(expected);
  [plain, recomputed].forEach(disposeLayer);
});

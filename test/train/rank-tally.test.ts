import { beforeAll, expect, it } from 'vitest';
import tf = require('@tensorflow/tfjs');
import { detach } from '../../src/engine/detached.js';
import { buildStrategy } from '../../src/local/build.js';
import { unitLayers } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { newRankTally, stepCount } from '../../src/train/rank-tally.js';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { startEngine } from '../support/engine.js';

beforeAll(() => startEngine('cpu'));

it('keeps the cost of the step that had most images, whichever ends first', () => {
  const strategy = buildStrategy(resnetCifar({ layers: 8, classes: 3, imageShape: [8, 8, 3], seed: 1 }), {
    method: 'bp',
  });
  const [stem] = strategy.network.units;
  const use = newRankTally();
  // A rank that lends a block begins the next step before this one ends.
  const whole = stepCount(use, strategy, 4);
  const last = stepCount(use, strategy, 2);
  const run = (images: number): void =>
    void tf.tidy(() => detach(unitLayers(stem!)[0]!.forward(tf.zeros([images, 8, 8, 3]), evaluationMode)));
  whole.during(() => run(4));
  last.during(() => run(2));
  whole.end();
  last.end();
  // 3×3 filters from 3 to 16 channels on 8×8 pixels.
  expect(use.cost).toEqual({ images: 4, network: 4 * 64 * 9 * 3 * 16, auxiliary: 0 });
  expect(stepCount(use, strategy, 4).during(() => 7)).toBe(7);
  strategy.dispose();
});

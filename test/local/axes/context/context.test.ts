import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode } from '../../../../src/engine/fused/ops.js';
import { UserError } from '../../../../src/core/errors.js';
import { composeStrategy } from '../../../../src/local/compose.js';
import { convolutionalHead } from '../../../../src/local/axes/auxiliary/convolutional.js';
import { imageContext, supplyContext } from '../../../../src/local/axes/context/context.js';
import { labels } from '../../../../src/local/axes/loss/labels.js';
import { cascadePath } from '../../../../src/local/axes/path/cascade.js';
import { disposeNetwork, networkForward, networkState } from '../../../../src/networks/network.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { rootScope } from '../../../../src/nn/parameters.js';
import { startEngine } from '../../../support/engine.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

describe('a context of the image', () => {
  const shape = (height: number, width = height, channels = 16) => ({ height, width, channels });

  test.each([
    // As large as the input; halved; a quarter; more than 8 times as large; odd; not square.
    [shape(8), shape(8), [16, 3, 3, 3]],
    [shape(8), shape(4), [16, 3, 2, 2]],
    [shape(32), shape(8), [16, 3, 4, 4]],
    [shape(64), shape(2), [16, 3, 8, 8]],
    [shape(33), shape(17), [16, 3, 2, 2]],
    [shape(12, 20), shape(3, 5), [16, 3, 4, 4]],
  ])('of %j for an input of %j', (image, input, filter) => {
    const layer = imageContext(rootScope(1, 'c'), { ...image, channels: 3 }, input);
    const { name, variable } = layer.parameters[0]!;
    expect(name).toBe('c.weight');
    expect(variable.shape).toEqual([filter[2], filter[3], filter[1], filter[0]]);
    const output = tf.tidy(
      () => layer.forward(tf.ones([2, image.height, image.width, 3]), evaluationMode).shape,
    );
    expect(output).toEqual([2, input.height, input.width, 16]);
    disposeLayer(layer);
  });

  test('misses no pixel', () => {
    const layer = imageContext(rootScope(1), { ...shape(33, 21), channels: 3 }, shape(9, 6));
    tf.tidy(() => {
      const images = tf.randomUniform<tf.Rank.R4>([2, 33, 21, 3], 0, 1, 'float32', 3);
      const gradient = tf.grad((x) => tf.sum(tf.square(layer.forward(x, evaluationMode))))(images);
      expect(tf.min(tf.max(tf.abs(gradient), [0, 3])).dataSync()[0]).toBeGreaterThan(0);
    });
    disposeLayer(layer);
  });

  test('smaller than the input is refused', () => {
    expect(() => imageContext(rootScope(1), shape(4), shape(8))).toThrow(UserError);
  });
});

test('the supplied network is the given one and a sum at each cut; it evaluates and saves both', () => {
  const network = tinyNetwork();
  const { network: supplied, contexts } = supplyContext(network, [1, 3], imageContext);
  const names = (of: typeof network): string[] => networkState(of).map(({ name }) => name);
  const added = names(supplied).filter((name) => !names(network).includes(name));
  expect([...new Set(added.map((name) => name.split('.').slice(0, 3).join('.')))]).toEqual([
    'context.layer1.1',
    'context.layer2.1',
  ]);
  tf.tidy(() => {
    const { images } = tinyBatch();
    const logits = (of: typeof network): number[] => [
      ...networkForward(of, images, evaluationMode).dataSync(),
    ];
    expect(logits(supplied)).not.toEqual(logits(network));
    for (const { variable } of contexts.flatMap(({ parameters }) => parameters))
      variable.assign(tf.zeros(variable.shape));
    expect(logits(supplied)).toEqual(logits(network));
  });
  contexts.forEach(disposeLayer);
  disposeNetwork(network);
});

test('a block’s context is trained by its own update alone, on any path', () => {
  const cascade = cascadePath({
    independentWeight: 0.5,
    cascadeWeight: 0.5,
    independentLoss: labels('cross-entropy'),
  });
  const before = tf.memory().numTensors;
  const run = tinyRun((network) =>
    composeStrategy(network, {
      name: 'supplied cascade',
      cuts: [2, 4],
      path: cascade,
      auxiliary: convolutionalHead('0c1f'),
      loss: labels('cross-entropy'),
      context: imageContext,
    }),
  );
  const { updates, network } = run.strategy;
  const contextOf = (unit: number): tf.Variable => network.units[unit]!.context!.parameters[0]!.variable;
  const listing = (variable: tf.Variable): string[] =>
    updates.filter(({ variables }) => variables.includes(variable)).map(({ name }) => name);
  expect(listing(contextOf(3))).toEqual(['head']);
  expect(listing(contextOf(5))).toEqual(['block 3']);
  const first = contextOf(3).dataSync().slice();
  const logits = (): number[] =>
    tf.tidy(() => [...networkForward(network, tinyBatch().images, evaluationMode).dataSync()]);
  const untrained = logits();
  tf.tidy(() => void run.step(tinyBatch()));
  expect(contextOf(3).dataSync()).not.toEqual(first);
  expect(logits()).not.toEqual(untrained);
  run.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

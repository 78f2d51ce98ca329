import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/core/errors.js';
import { detach } from '../../../../src/engine/detached.js';
import { evaluationMode, trainingMode } from '../../../../src/engine/fused/ops.js';
import { composeStrategy } from '../../../../src/local/compose.js';
import { convolutionalNet } from '../../../../src/local/axes/auxiliary/convolutional.js';
import { contextModes, supplyContext } from '../../../../src/local/axes/context/context.js';
import { labels } from '../../../../src/local/axes/loss/classification.js';
import { cascadePath } from '../../../../src/local/axes/path/cascade.js';
import type { Streams } from '../../../../src/local/update.js';
import {
  disposeNetwork,
  networkForward,
  networkState,
  unitsForward,
  visitUnits,
  type Network,
} from '../../../../src/networks/network.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { toTorch } from '../../../../src/nn/parameters.js';
import { startEngine } from '../../../support/engine.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const everyCut = [0, 1, 2, 3, 4, 5];

/** By unit, what each net of its context reads. */
function sourcesOf({ units }: Network): Record<string, string[]> {
  return Object.fromEntries(
    units.flatMap(({ name, context }) =>
      context === undefined ? [] : [[name, context.map(({ from = 'image' }) => from)]],
    ),
  );
}

describe('what is read', () => {
  const supplied = (mode: keyof typeof contextModes) => {
    const network = tinyNetwork();
    const { network: result, contexts } = supplyContext(network, everyCut, contextModes[mode]);
    contexts.forEach(disposeLayer);
    disposeNetwork(network);
    return sourcesOf(result);
  };

  test('E: the image', () => {
    expect(Object.values(supplied('E'))).toEqual(everyCut.map(() => ['image']));
  });

  test('R2: the two inputs before, the image as the first block’s', () => {
    expect(supplied('R2')).toEqual({
      'layer1.0': ['image'],
      'layer1.1': ['layer1.0', 'image'],
      'layer2.0': ['layer1.1', 'layer1.0'],
      'layer2.1': ['layer2.0', 'layer1.1'],
      'layer3.0': ['layer2.1', 'layer2.0'],
      'layer3.1': ['layer3.0', 'layer2.1'],
    });
  });

  test('R16: all that there are', () => {
    expect(supplied('R16')['layer3.1']).toEqual([
      ...['layer3.0', 'layer2.1', 'layer2.0', 'layer1.1', 'layer1.0', 'image'],
    ]);
  });

  test('R1E: the image through its own net alone', () => {
    expect(supplied('R1E')).toMatchObject({
      'layer1.0': ['image'],
      'layer1.1': ['image', 'layer1.0'],
      'layer3.1': ['image', 'layer3.0'],
    });
  });
});

test('the nets have the published shapes, and are saved under names of their own', () => {
  const network = tinyNetwork();
  const { network: supplied, contexts } = supplyContext(network, [0, 2], {
    ...contextModes.R1E,
    widen: 1.5,
  });
  const own = new Set(networkState(network));
  const added = networkState(supplied).filter((parameter) => !own.has(parameter));
  expect(Object.fromEntries(added.map((each) => [each.name, toTorch(each).shape]))).toMatchObject({
    'context.layer1.0.image.0.weight': [18, 3, 3, 3],
    'context.layer1.0.image.0.bias': [18],
    'context.layer1.0.image.3.weight': [16, 18, 3, 3],
    'context.layer1.0.image.4.running_var': [16],
    'context.layer2.0.image.3.weight': [16, 18, 3, 3],
    'context.layer2.0.earlier.0.0.weight': [16, 16, 1, 1],
    'context.layer2.0.earlier.0.0.bias': [16],
    'context.layer2.0.earlier.0.1.running_mean': [16],
  });
  contexts.forEach(disposeLayer);
  expect(() => supplyContext(network, [0], { ...contextModes.E, widen: 0.05 })).toThrow(UserError);
  disposeNetwork(network);
});

test('a pass through the network frees each input when it was read for the last time', () => {
  const network = tinyNetwork();
  const { network: supplied, contexts } = supplyContext(network, everyCut, contextModes.R2);
  tf.tidy(() => {
    const { images } = tinyBatch();
    const counts: number[] = [];
    const before = tf.memory().numTensors;
    const last = visitUnits(supplied, images, evaluationMode, () =>
      counts.push(tf.memory().numTensors - before),
    );
    // Beside the features: nothing, and then the two inputs that the next unit reads.
    expect(counts).toEqual([1, 2, 3, 3, 3, 3, 1]);
    const logits = supplied.head.forward(last, evaluationMode);
    expect(networkForward(supplied, images, evaluationMode).dataSync()).toEqual(logits.dataSync());
    expect(() => unitsForward(supplied.units.slice(3), images, images, evaluationMode)).toThrow(
      /the context of layer2.0 reads the input of layer1.1, which is not there/,
    );
  });
  contexts.forEach(disposeLayer);
  disposeNetwork(network);
});

test('updates hand on the inputs that later blocks read, and no others', () => {
  const run = tinyRun({ method: 'contsup', context: 'R2' });
  tf.tidy(() => {
    const batch = tinyBatch();
    let streams: Streams = { x: detach(batch.images) };
    const names = run.strategy.updates.map((update) => {
      streams = update.forward(streams, batch).streams;
      return Object.keys(streams);
    });
    const inputs = (...units: string[]) => ['x', ...units.map((unit) => `input of ${unit}`)];
    expect(names).toEqual([
      ['x'],
      inputs('layer1.0'),
      inputs('layer1.0', 'layer1.1'),
      inputs('layer1.1', 'layer2.0'),
      inputs('layer2.0', 'layer2.1'),
      inputs('layer2.1', 'layer3.0'),
      [],
    ]);
  });
  run.dispose();
});

const cascade = cascadePath({
  independentWeight: 0.5,
  cascadeWeight: 0.5,
  independentLoss: labels('cross-entropy'),
});
const cascaded = (context: (typeof contextModes)[keyof typeof contextModes]) => (network: Network) =>
  composeStrategy(network, {
    name: 'supplied cascade',
    cuts: [2, 4],
    path: cascade,
    auxiliary: convolutionalNet('0c1f'),
    loss: labels('cross-entropy'),
    context,
  });

test('a block’s context of the image is trained by its own update alone, on any path', () => {
  const before = tf.memory().numTensors;
  const run = tinyRun(cascaded(contextModes.E));
  const { updates, network } = run.strategy;
  const contextOf = (unit: number): tf.Variable =>
    network.units[unit]!.context![0]!.layer.parameters[0]!.variable;
  const listing = (variable: tf.Variable): string[] =>
    updates.filter(({ variables }) => variables.includes(variable)).map(({ name }) => name);
  expect(listing(contextOf(3))).toEqual(['head']);
  expect(listing(contextOf(5))).toEqual(['block 3']);
  const first = contextOf(3).dataSync().slice();
  const logits = (): number[] =>
    tf.tidy(() => [...networkForward(network, tinyBatch().images, trainingMode).dataSync()]);
  const untrained = logits();
  tf.tidy(() => void run.step(tinyBatch()));
  expect(contextOf(3).dataSync()).not.toEqual(first);
  expect(logits()).not.toEqual(untrained);
  run.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('contexts of earlier inputs are refused on a path that does not hand them on', () => {
  const network = tinyNetwork();
  const before = tf.memory().numTensors;
  expect(() => cascaded(contextModes.R1)(network)).toThrow(/needs path 'independent'/);
  expect(tf.memory().numTensors).toBe(before);
  disposeNetwork(network);
});

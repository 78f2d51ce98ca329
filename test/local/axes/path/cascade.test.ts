import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { detach } from '../../../../src/engine/detached.js';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { UserError } from '../../../../src/core/errors.js';
import { convolutionalHead } from '../../../../src/local/axes/auxiliary/convolutional.js';
import type { Batch } from '../../../../src/local/batch.js';
import { composeStrategy } from '../../../../src/local/compose.js';
import { labels } from '../../../../src/local/axes/loss/labels.js';
import { cascadePath, type CascadeOptions } from '../../../../src/local/axes/path/cascade.js';
import type { Streams } from '../../../../src/local/update.js';
import { disposeNetwork, networkState, type Network } from '../../../../src/networks/network.js';
import { forwardThrough } from '../../../../src/nn/layer.js';
import { startEngine } from '../../../support/engine.js';
import { largestError } from '../../../support/numeric.js';
import { tinyBatch, tinyNetwork, tinyRun, type TinyRun } from '../../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const cuts = [2, 4];
const published = {
  independentWeight: 0.001,
  cascadeWeight: 0.999,
  independentLoss: labels('cross-entropy'),
};

const compose = (options: CascadeOptions, network = tinyNetwork()): TinyRun =>
  tinyRun(
    (given) =>
      composeStrategy(given, {
        name: 'cascade',
        cuts,
        path: cascadePath(options),
        auxiliary: convolutionalHead('0c1f'),
        loss: labels('cross-entropy'),
      }),
    network,
  );

/** What each update hands on. */
function streamsOf({ strategy }: TinyRun, batch: Batch): (number[] | undefined)[] {
  let streams: Streams = { x: detach(batch.images) };
  return strategy.updates.map((update) => {
    streams = update.forward(streams, batch).streams;
    return streams.x && [...streams.x.dataSync()];
  });
}

/** The published order of forward passes, with a stream through the blocks alone and one through the pairs. */
function publishedStreams(
  network: Network,
  batch: Batch,
): { entering: number[]; y: number[]; x: number[] }[] {
  const layers = network.units.map(({ layer }) => layer);
  const blocks = [layers.slice(1, 3), layers.slice(3, 5), layers.slice(5)];
  const run = (part: typeof layers, input: tf.Tensor): tf.Tensor => forwardThrough(part, input, trainingMode);
  const stem = run(layers.slice(0, 1), batch.images);
  let [x, y] = [run(blocks[0]!, stem), stem];
  return blocks.slice(1).map((block, i) => {
    const entering = x;
    x = run(block, x);
    y = run(blocks[i]!, y);
    run(block, y);
    return { entering: [...entering.dataSync()], y: [...y.dataSync()], x: [...x.dataSync()] };
  });
}

test('one stream carries what the published two do, and leaves the same running statistics', () => {
  const [ours, theirs] = [compose(published), tinyNetwork()];
  tf.tidy(() => {
    const found = streamsOf(ours, tinyBatch());
    const expected = publishedStreams(theirs, tinyBatch());
    expect(expected.map(({ entering }) => entering)).toEqual(expected.map(({ y }) => y));
    expect([found[0], found[2]]).toEqual(expected.map(({ x }) => x));
    expect(found[1]).toEqual(found[0]);
  });
  const statistics = (network: Network): number[] =>
    networkState(network)
      .filter(({ name }) => name.includes('running_'))
      .flatMap(({ variable }) => [...variable.dataSync()]);
  const expected = statistics(theirs);
  // One pass taken for two or three, so but for rounding.
  expect(largestError(statistics(ours.network), expected)).toBeLessThan(1e-6);
  ours.dispose();
  disposeNetwork(theirs);
});

test('without independent losses there are pairs alone, and each block runs in them alone', () => {
  const run = compose({ ...published, independentWeight: 0 });
  const { updates, auxiliary } = run.strategy;
  expect(updates.map(({ name }) => name)).toEqual(['cascade 1–2', 'head']);
  expect(auxiliary.some(({ name }) => name.includes('independent'))).toBe(false);
  const passes = (unit: number): number => run.network.units[unit]!.layer.counters![0]!.value;
  tf.tidy(() => void run.step(tinyBatch()));
  // Stem, b_0, b_1 as the second of the first pair and the first of the last, b_2.
  expect([0, 1, 3, 5].map(passes)).toEqual([1, 1, 2, 1]);
  run.dispose();

  const both = compose(published);
  tf.tidy(() => void both.step(tinyBatch()));
  const counts = [0, 1, 3, 5].map((unit) => both.network.units[unit]!.layer.counters![0]!.value);
  expect(counts).toEqual([1, 2, 3, 2]);
  both.dispose();
});

test('pairs of no weight are refused', () => {
  const network = tinyNetwork();
  const tensors = tf.memory().numTensors;
  const build = (): unknown => compose({ ...published, cascadeWeight: 0 }, network);
  expect(build).toThrow(UserError);
  expect(build).toThrow(
    /with cascadeWeight 0 the first would learn nothing; raise it, or use path 'independent'/,
  );
  expect(tf.memory().numTensors).toBe(tensors);
  disposeNetwork(network);
});

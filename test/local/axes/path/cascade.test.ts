import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { detach } from '../../../../src/engine/detached.js';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { UserError } from '../../../../src/core/errors.js';
import { convolutionalNet } from '../../../../src/local/axes/auxiliary/convolutional.js';
import type { Batch } from '../../../../src/local/batch.js';
import { composeStrategy } from '../../../../src/local/compose.js';
import { labels } from '../../../../src/local/axes/loss/classification.js';
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

const cuts = [2, 3, 4];
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
        auxiliary: convolutionalNet('0c1f'),
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

/** The published order of forward passes, with a stream through the blocks alone and one through the cascades. */
function publishedStreams(
  network: Network,
  batch: Batch,
  length: number,
): { entering: number[]; y: number[]; x: number[] }[] {
  const layers = network.units.map(({ layer }) => layer);
  const ends = [...cuts, layers.length - 1];
  const blocks = ends.map((end, i) => layers.slice(i === 0 ? 1 : ends[i - 1]! + 1, end + 1));
  const run = (part: typeof layers, input: tf.Tensor): tf.Tensor => forwardThrough(part, input, trainingMode);
  const stem = run(layers.slice(0, 1), batch.images);
  let [x, y] = [stem, stem];
  for (const block of blocks.slice(0, length - 1)) x = run(block, x);
  return blocks.slice(length - 1).map((block, i) => {
    const entering = x;
    x = run(block, x);
    y = run(blocks[i]!, y);
    let z = y;
    for (const other of blocks.slice(i + 1, i + length - 1)) z = run(other, z);
    const [before, last] = [z, run(block, z)];
    expect([...last.dataSync()]).toEqual([...x.dataSync()]);
    return { entering: [...entering.dataSync()], y: [...before.dataSync()], x: [...x.dataSync()] };
  });
}

test.each([2, 3, 4])(
  'one stream carries what the published two do in cascades of %i, and leaves the same running statistics',
  (length) => {
    const [ours, theirs] = [compose({ ...published, length }), tinyNetwork()];
    tf.tidy(() => {
      const found = streamsOf(ours, tinyBatch());
      const expected = publishedStreams(theirs, tinyBatch(), length);
      expect(expected.map(({ entering }) => entering)).toEqual(expected.map(({ y }) => y));
      expect(found.filter((_, i) => i % 2 === 0)).toEqual(expected.map(({ x }) => x));
      for (let i = 0; i + 2 < found.length; i += 2) expect(found[i + 1]).toEqual(found[i]);
    });
    const statistics = (network: Network): number[] =>
      networkState(network)
        .filter(({ name }) => name.includes('running_'))
        .flatMap(({ variable }) => [...variable.dataSync()]);
    // One pass taken for several, so but for rounding.
    expect(largestError(statistics(ours.network), statistics(theirs))).toBeLessThan(1e-6);
    ours.dispose();
    disposeNetwork(theirs);
  },
);

describe('how often each block runs', () => {
  /** Of the stem and the first unit of each block. */
  const counts = (options: CascadeOptions): number[] => {
    const run = compose(options);
    tf.tidy(() => void run.step(tinyBatch()));
    const counted = [0, 1, 3, 4, 5].map((unit) => run.network.units[unit]!.layer.counters![0]!.value);
    run.dispose();
    return counted;
  };

  test.each<readonly [number, readonly number[], readonly number[]]>([
    // As HPFF's ImageNet code: the first block runs by itself even where no loss of its own follows.
    [2, [1, 2, 3, 3, 2], [1, 2, 2, 2, 1]],
    [3, [1, 2, 3, 3, 2], [1, 2, 3, 2, 1]],
    [4, [1, 2, 2, 2, 2], [1, 2, 2, 2, 1]],
  ])('in cascades of %i', (length, both, alone) => {
    expect(counts({ ...published, length })).toEqual(both);
    expect(counts({ ...published, length, independentWeight: 0 })).toEqual(alone);
  });

  test('where the last block has no loss of its own, but runs', () => {
    expect(counts({ ...published, headLoss: 'cascade' })).toEqual([1, 2, 3, 3, 2]);
  });
});

test('without independent losses there are cascades alone', () => {
  const run = compose({ ...published, independentWeight: 0 });
  const { updates, auxiliary } = run.strategy;
  expect(updates.map(({ name }) => name)).toEqual(['cascade 1–2', 'cascade 2–3', 'head']);
  expect(auxiliary.some(({ name }) => name.includes('independent'))).toBe(false);
  run.dispose();
});

test('each cascade is named after its first and its last block', () => {
  const run = compose({ ...published, length: 3 });
  expect(run.strategy.updates.map(({ name }) => name)).toEqual(['cascade 1–3', 'block 3', 'head', 'block 4']);
  run.dispose();
});

test('longer cascades than there are blocks are refused', () => {
  const network = tinyNetwork();
  expect(() => compose({ ...published, length: 5 }, network)).toThrow(/joins 5 blocks, and there are 4;/);
  expect(() => compose({ ...published, length: 1 }, network)).toThrow(/a cascade joins 2 blocks or more/);
  disposeNetwork(network);
});

test('cascades of no weight are refused', () => {
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

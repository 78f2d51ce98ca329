import { afterEach, beforeAll, expect, it } from 'vitest';
import { placeBlocks } from '../../../src/distributed/blocks/placement.js';
import type { Engine } from '../../../src/engine/engine.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import type { TrainEvent } from '../../../src/train/events.js';
import { startEngine } from '../../support/engine.js';
import { expectSame, held, trainedAlone, trainedOnRanks } from '../../support/ranks.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => expect(held()).toEqual({ tensors: 0, variables: 0 }));

const man: StrategyOptionsInput = { method: 'man', blocks: 3, auxiliary: '1c2f' };

it.each<[string, StrategyOptionsInput, object]>([
  ['moving averages after a step, mixed images and a norm', man, { mixup: 0.4, clip: { norm: 1 } }],
  ['images that are rebuilt', { method: 'infopro', blocks: 3 }, {}],
])('micro-batches on ranks, %s: the numbers of one process', async (_, options, more) => {
  const changes = { epochs: 1, accumulate: 2, ...more };
  const ranks = await trainedOnRanks(engine, options, placeBlocks(3, [1, 2]), changes);
  expectSame(ranks, await trainedAlone(engine, options, changes));
  expect(ranks.left).toEqual([]);
});

it('micro-batches are refused where updates keep something for each other', async () => {
  const hpff: StrategyOptionsInput = { method: 'hpff', blocks: 5, auxiliary: '1c1f' };
  await expect(trainedOnRanks(engine, hpff, placeBlocks(5, [2]), { accumulate: 2 })).rejects.toThrow(
    /^train\.accumulate: what update '.*' keeps for a later one/,
  );
});

it('ranks end early where accuracy stalls, resumed on others or not', async () => {
  const changes = { epochs: 9, earlyStopping: { patience: 1, minDelta: 0.9 } };
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent): void => void events.push(event);
  const ranks = await trainedOnRanks(engine, man, placeBlocks(3, [1]), { ...changes, onEvent });
  expectSame(ranks, await trainedAlone(engine, man, changes));
  expect([ranks.interrupted, ranks.left]).toEqual([false, []]);
  expect(events.at(-1)).toEqual({ type: 'stalled', epoch: 2 });
  const resume = { ...changes, resume: ranks.state };
  const again = await trainedOnRanks(engine, man, placeBlocks(3, [2]), { ...resume, onEvent });
  expect(again.epochs).toEqual(ranks.epochs);
  expect(events.filter(({ type }) => type === 'epoch-end')).toHaveLength(2);
});

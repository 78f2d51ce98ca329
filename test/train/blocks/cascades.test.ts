import { afterEach, beforeAll, expect, it } from 'vitest';
import { placeBlocks } from '../../../src/distributed/blocks/placement.js';
import type { Engine } from '../../../src/engine/engine.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { watchRanksCost } from '../../../src/runs/step-cost.js';
import type { TrainEvent } from '../../../src/train/events.js';
import { costOf } from '../../support/cost.js';
import { startEngine } from '../../support/engine.js';
import { expectSame, held, trainedAlone, trainedOnRanks } from '../../support/ranks.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => expect(held()).toEqual({ tensors: 0, variables: 0 }));

const hpff: StrategyOptionsInput = { method: 'hpff', blocks: 5, auxiliary: '1c1f' };

it.each<[string, StrategyOptionsInput, number[]]>([
  ['one block on each but the first', hpff, [2, 3, 4]],
  ['momentum nets that follow the next rank', { method: 'mlaan', blocks: 5 }, [4]],
  [
    'a bridge to the next rank behind a cascade',
    {
      ...{ method: 'custom', blocks: 4, auxiliary: 'pooled', loss: 'cross-entropy' },
      ...{ path: 'cascade', bridge: 'momentum' },
    } as StrategyOptionsInput,
    [2, 3],
  ],
])('cascades over ranks, %s: the numbers of one process', async (_, options, cuts) => {
  const placement = placeBlocks(options.method === 'custom' ? 4 : 5, cuts);
  const ranks = await trainedOnRanks(engine, options, placement, { epochs: 1 });
  expectSame(ranks, await trainedAlone(engine, options, { epochs: 1 }));
  expect(ranks.left).toEqual([]);
});

it('averages, rate factors and clipped values are the same, and a norm over two ranks is refused', async () => {
  const changes = {
    epochs: 1,
    ema: { decay: 0.9 },
    clip: { value: 0.01 },
    rateFactors: { 'cascade 2–3': 0.5, head: 2 },
    queue: 1,
  };
  const ranks = await trainedOnRanks(engine, hpff, placeBlocks(5, [2, 4]), changes);
  const { queue, ...alone } = changes;
  expect(queue).toBe(1);
  expectSame(ranks, await trainedAlone(engine, hpff, alone));
  await expect(trainedOnRanks(engine, hpff, placeBlocks(5, [2]), { clip: { norm: 1 } })).rejects.toThrow(
    /^train\.clip: the gradients of 'cascade 2–3' are on two ranks/,
  );
});

it('a stop in mid-epoch goes on elsewhere', async () => {
  const abort = new AbortController();
  const onEvent = (event: TrainEvent): void => {
    if (event.type === 'step' && event.epoch === 2 && event.step === 2) abort.abort();
  };
  const signals = [new AbortController().signal, abort.signal];
  const stopped = await trainedOnRanks(engine, hpff, placeBlocks(5, [3]), { signals, onEvent });
  expect([stopped.interrupted, stopped.left]).toEqual([true, []]);
  const straight = await trainedAlone(engine, hpff);
  const resume = { resume: stopped.state };
  expectSame(await trainedAlone(engine, hpff, resume), straight);
  expectSame(await trainedOnRanks(engine, hpff, placeBlocks(5, [2]), resume), straight);
});

it('ranks count together the multiply-adds of one process, those of what is given back among them', async () => {
  const { told } = await trainedOnRanks(engine, hpff, placeBlocks(5, [2, 4]), { epochs: 1 });
  expect(watchRanksCost(undefined).event(told[0]!)).toEqual({ images: 4, ...costOf(hpff) });
});

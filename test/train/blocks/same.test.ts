import { afterEach, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { placeBlocks } from '../../../src/distributed/blocks/placement.js';
import { startEngine } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';
import { tinyMethods, titleOf } from '../../support/tiny.js';
import { blocksOf, differing, numbersOf, trainedAlone, trainedOnRanks, held } from '../../support/ranks.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => expect(held()).toEqual({ tensors: 0, variables: 0 }));

// BP is one block, and cascades of three go back through two blocks at once.
const apart = tinyMethods.filter(
  (options) => options.method !== 'bp' && !('variant' in options && options.variant === 'imagenet'),
);

it.each(sampleOf(apart, 4).map((options) => [titleOf(options), options] as const))(
  '%s: two ranks come to the numbers of one process, to the last bit',
  async (_, options) => {
    const alone = await trainedAlone(engine, options);
    const blocks = blocksOf(options);
    const cut = Math.ceil(blocks / 2);
    const ranks = await trainedOnRanks(engine, options, placeBlocks(blocks, [cut]));
    expect(differing(ranks.state.tensors, alone.state.tensors)).toEqual([]);
    expect([...ranks.state.tensors.keys()]).toEqual([...alone.state.tensors.keys()]);
    expect(ranks.state.counters).toEqual(alone.state.counters);
    expect(numbersOf(ranks.epochs)).toEqual(numbersOf(alone.epochs));
    expect(differing(ranks.weights, alone.weights)).toEqual([]);
    expect([...ranks.weights.keys()]).toEqual([...alone.weights.keys()]);
    expect(ranks.left).toEqual([]);
  },
);

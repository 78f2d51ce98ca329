import { afterAll, expect, it } from 'vitest';
import { buildStrategy } from '../../../src/local/build.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { blocksNote } from '../../../src/local/partition/asked.js';
import { disposeNetwork } from '../../../src/networks/network.js';
import { resnetCifar } from '../../../src/networks/resnet-cifar.js';
import { startEngine } from '../../support/engine.js';

await startEngine('cpu');
const resnet32 = resnetCifar({ layers: 32, classes: 10, imageShape: [8, 8, 3], seed: 1 });
afterAll(() => disposeNetwork(resnet32));

it.each<[StrategyOptionsInput & { blocks: number }, string | undefined]>([
  [{ method: 'man', blocks: 8 }, undefined],
  [
    { method: 'man', blocks: 16 },
    '15 blocks for K = 16: resnet-32 is cut after every unit, as in the published code',
  ],
  [{ method: 'man-plus', blocks: 8 }, '9 blocks for K = 8: stem is a block of its own beside the K'],
  [
    { method: 'auglocal', depth: 2, blocks: 8 },
    '6 blocks for K = 8: with its depth the last 3 are one, with the head',
  ],
])('says why %j has other blocks', (options, note) => {
  const strategy = buildStrategy(resnet32, options);
  expect(blocksNote(strategy, options.blocks)).toBe(note);
  strategy.dispose();
});

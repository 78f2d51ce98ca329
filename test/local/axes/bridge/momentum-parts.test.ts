import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { frozenMode, trainingMode } from '../../../../src/engine/fused/ops.js';
import type { Bridge } from '../../../../src/local/axes/bridge/bridge.js';
import { momentumBridge } from '../../../../src/local/axes/bridge/momentum.js';
import { biasAloneBridge, momentumAloneBridge } from '../../../../src/local/axes/bridge/momentum-parts.js';
import { disposeNetwork } from '../../../../src/networks/network.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { childScope, rootScope } from '../../../../src/nn/parameters.js';
import { startEngine } from '../../../support/engine.js';
import { largestError } from '../../../support/numeric.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const names = ({ trained, averaged }: Bridge): string[][] =>
  [trained, averaged].map(({ parameters }) => parameters.map(({ name }) => name));

test('they are the two halves of MAN’s bridge, from the same start: their sum is its y', () => {
  const network = tinyNetwork();
  const next = network.units[3]!;
  const built = [momentumBridge(0.9), momentumAloneBridge(0.9), biasAloneBridge].map((build) =>
    build(childScope(rootScope(1), 'b'), next),
  );
  const [whole, momentum, bias] = built as [Bridge, Bridge, Bridge];
  const [trainedNames, averagedNames] = names(whole);
  expect(names(momentum)).toEqual([[], averagedNames]);
  expect(names(bias)).toEqual([trainedNames, []]);
  tf.tidy(() => {
    const x = tf.randomUniform<tf.Rank.R4>([4, 8, 8, 16], 0, 1, 'float32', 1);
    const gradient = (bridge: Bridge): tf.Tensor =>
      tf.grad((input) => tf.sum(bridge.forward(input as tf.Tensor4D)))(x);
    for (const of of [(each: Bridge): tf.Tensor => each.forward(x), gradient]) {
      const halves = tf.add(of(momentum), of(bias));
      expect(largestError([...of(whole).dataSync()], [...halves.dataSync()])).toBeLessThan(1e-4);
      expect(tf.sum(tf.abs(of(momentum))).dataSync()[0]).toBeGreaterThan(0);
      expect(tf.sum(tf.abs(of(bias))).dataSync()[0]).toBeGreaterThan(0);
    }
    expect([...momentum.forward(x).dataSync()]).toEqual([
      ...momentum.averaged.forward(x, frozenMode).dataSync(),
    ]);
    expect([...bias.forward(x).dataSync()]).toEqual([...bias.trained.forward(x, trainingMode).dataSync()]);
  });
  built.flatMap(({ trained, averaged }) => [trained, averaged]).forEach(disposeLayer);
  disposeNetwork(network);
});

test.each([
  { bridge: { name: 'momentum-alone', momentum: 0.5 }, moves: 'momentum', still: 'bias' },
  { bridge: 'bias-alone', moves: 'bias', still: 'momentum' },
])('$moves alone changes in a step', ({ bridge, moves, still }) => {
  const run = tinyRun({ method: 'custom', blocks: 2, bridge });
  const named = (part: string): string[] =>
    run.strategy.auxiliary.map(({ name }) => name).filter((name) => name.includes(`.${part}.`));
  expect(named(still)).toEqual([]);
  const first = run.strategy.auxiliary.find(({ name }) => name === named(moves)[0])!;
  const before = [...first.variable.dataSync()];
  tf.tidy(() => {
    run.step(tinyBatch());
  });
  expect([...first.variable.dataSync()]).not.toEqual(before);
  run.dispose();
});

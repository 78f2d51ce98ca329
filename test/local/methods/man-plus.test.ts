import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { buildStrategy } from '../../../src/local/build.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { buildNetwork } from '../../../src/networks/build.js';
import { disposeNetwork, networkState, type Network } from '../../../src/networks/network.js';
import { toTorch, withoutDrawing } from '../../../src/nn/parameters.js';
import { startEngine } from '../../support/engine.js';
import { largestError } from '../../support/numeric.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const imagenet = (layers: 18 | 50): Network =>
  withoutDrawing(() =>
    buildNetwork({ name: 'resnet-imagenet', layers }, { classes: 4, imageShape: [64, 64, 3], seed: 1 }),
  );

/** Shapes of the parameters below a name, in PyTorch's layout. */
function shapes(run: ReturnType<typeof tinyRun>, prefix: string): Record<string, string> {
  const own = run.strategy.auxiliary.filter(
    ({ name }) => name.startsWith(prefix) && !name.includes('running_'),
  );
  return Object.fromEntries(
    own.map((parameter) => [parameter.name.slice(prefix.length), toTorch(parameter).shape.join('×')]),
  );
}

describe('the stem of a small-image ResNet', () => {
  test('is a block of its own, before those of K', () => {
    const run = tinyRun({ method: 'man-plus', cuts: ['layer1.1', 'layer2.0'] });
    expect(run.strategy.blocks).toBe(4);
    expect(run.strategy.partition).toEqual([
      ['stem'],
      ['layer1.0', 'layer1.1'],
      ['layer2.0'],
      ['layer2.1', 'layer3.0', 'layer3.1'],
    ]);
    run.dispose();
  });

  test('has a head of 1c2f that contrasts, whatever the others have', () => {
    const run = tinyRun({
      method: 'man-plus',
      blocks: 2,
      auxiliary: '2c1f',
      featureWidth: 24,
      widen: 0.5,
    });
    expect(shapes(run, 'auxiliary.0.classifier.')).toEqual({
      ...{ '0.weight': '16×16×3×3', '1.weight': '16', '1.bias': '16' },
      // Hidden layers are widened, the features that are compared are not.
      ...{ '5.weight': '12×16', '5.bias': '12', '7.weight': '24×12', '7.bias': '24' },
    });
    expect(shapes(run, 'auxiliary.1.classifier.')).toMatchObject({
      '0.weight': '32×32×3×3',
      '8.weight': '4×32',
    });
    run.dispose();
  });

  test('has a head like the others’ where the options say so', () => {
    const run = tinyRun({ method: 'man-plus', blocks: 2, auxiliary: '0c1f', stemAuxiliary: 'as-others' });
    expect(shapes(run, 'auxiliary.0.classifier.')).toEqual({ '2.weight': '4×16', '2.bias': '4' });
    expect(run.strategy.updates[0]!.classifier?.after).toBe('stem');
    run.dispose();
  });

  test('weighs its losses as at the ramp’s beginning, the others by the stage that follows', () => {
    const weights = { reconstruction: [0, 0], stemAuxiliary: 'as-others', auxiliary: '0c1f' } as const;
    const losses = (
      classification: readonly [number, number],
      ramp: 'stages' | 'blocks',
    ): readonly number[] => {
      const options = { method: 'man-plus', cuts: ['layer1.0', 'layer1.1', 'layer2.1'] } as const;
      const run = tinyRun({ ...options, ...weights, ramp, classification: [...classification] });
      let found: readonly number[] = [];
      tf.tidy(() => {
        found = run.step(tinyBatch()).losses;
      });
      run.dispose();
      return found;
    };
    const ratios = (ramp: 'stages' | 'blocks'): number[] => {
      const [first, last] = [losses([1, 1], ramp), losses([0, 1], ramp)];
      return first.slice(0, -1).map((loss, i) => last[i]! / loss);
    };
    // K = 4. The units that follow are layer1.0, layer1.1, layer2.0 and layer3.0; 3 / (4 − 2) is not clipped.
    expect(largestError(ratios('stages'), [0, 1 / 2, 2 / 2, 3 / 2])).toBeLessThan(1e-6);
    expect(largestError(ratios('blocks'), [0, 1 / 3, 2 / 3, 1])).toBeLessThan(1e-6);
  });
});

test('the scale is trained and decayed, each M follows its unit as it was before the step', () => {
  const run = tinyRun({ method: 'man-plus', blocks: 2, momentum: 0.5 });
  const all = [...networkState(run.network), ...run.strategy.auxiliary];
  const valuesOf = (name: string): number[] => [
    ...toTorch(all.find((parameter) => parameter.name === name)!).values,
  ];
  const names = [
    ['layer1.0.conv1.weight', 'auxiliary.0.momentum.conv1.weight'],
    ['layer2.1.bn1.weight', 'auxiliary.1.momentum.bn1.weight'],
  ] as const;
  expect(run.strategy.partition[2]![0]).toBe('layer2.1');
  const before = names.map((pair) => pair.map(valuesOf));
  const statistics = valuesOf('auxiliary.0.momentum.bn1.running_mean');
  tf.tidy(() => void run.step(tinyBatch()));
  names.forEach(([unit, net], i) => {
    const [source, start] = before[i]!;
    const halfway = start!.map((value, j) => (value + source![j]!) / 2);
    expect(largestError(valuesOf(net), halfway)).toBeLessThan(1e-6);
    expect(valuesOf(unit)).not.toEqual(source);
  });
  // M's own forward pass moves its running statistics; the average does not.
  expect(valuesOf('auxiliary.0.momentum.bn1.running_mean')).not.toEqual(statistics);
  for (const name of ['auxiliary.0.scale', 'auxiliary.1.scale']) {
    expect(valuesOf(name)).toHaveLength(1);
    expect(valuesOf(name)).not.toEqual([1]);
  }
  run.dispose();
});

test('each update trains its block, B, s and its nets, and no M', () => {
  const run = tinyRun({ method: 'man-plus', blocks: 2 });
  const all = [...networkState(run.network), ...run.strategy.auxiliary];
  const names = run.strategy.updates.map(({ variables }) => {
    const own = new Set(variables);
    const listed = all.filter(({ variable }) => own.has(variable)).map(({ name }) => name);
    return [...new Set(listed.map((name) => name.replace(/^(auxiliary\.\d+\.\w+|\w+(\.\d)?).*$/, '$1')))];
  });
  const nets = (block: number): string[] =>
    ['bias', 'scale', 'decoder', 'classifier'].map((net) => `auxiliary.${block}.${net}`);
  expect(names).toEqual([
    ['conv1', 'bn1', ...nets(0)],
    ['layer1.0', 'layer1.1', 'layer2.0', ...nets(1)],
    ['layer2.1', 'layer3.0', 'layer3.1', 'fc'],
  ]);
  run.dispose();
});

test('over DGL: no decoder, a head of its own at each bridge, the stem’s too', () => {
  const run = tinyRun({ method: 'dgl-man-plus', blocks: 2, featureWidth: 8 });
  const head = (channels: number): Record<string, string> => ({
    ...{ '0.weight': `8×${channels}×1×1`, '1.weight': '8', '1.bias': '8' },
    ...{ '3.weight': '8×8×1×1', '4.weight': '8', '4.bias': '8' },
    ...{ '6.weight': '8×8×1×1', '7.weight': '8', '7.bias': '8' },
    ...{ '11.weight': '32×8', '11.bias': '32', '12.weight': '32', '12.bias': '32' },
    ...{ '14.weight': '32×32', '14.bias': '32', '15.weight': '32', '15.bias': '32' },
    ...{ '17.weight': '32×32', '17.bias': '32', '18.weight': '32', '18.bias': '32' },
    ...{ '20.weight': '4×32', '20.bias': '4' },
  });
  expect(shapes(run, 'auxiliary.0.classifier.')).toEqual(head(16));
  expect(shapes(run, 'auxiliary.1.classifier.')).toEqual(head(32));
  expect(run.strategy.auxiliary.some(({ name }) => name.includes('decoder'))).toBe(false);
  run.dispose();
});

test('on an ImageNet ResNet the stem belongs to the first block', () => {
  const network = imagenet(18);
  const strategy = withoutDrawing(() =>
    buildStrategy(network, {
      method: 'man-plus',
      cuts: ['layer2.0'],
      auxiliary: 'imagenet',
      decoder: 'man-imagenet',
    }),
  );
  expect(strategy.partition[0]).toEqual(['stem', 'layer1.0', 'layer1.1', 'layer2.0']);
  expect(strategy.blocks).toBe(2);
  strategy.dispose();
  disposeNetwork(network);
});

describe('is refused:', () => {
  test.each<readonly [string, () => Network, StrategyOptionsInput, RegExp]>([
    [
      'a cut that ends a stage of an ImageNet ResNet',
      () => imagenet(18),
      { method: 'man-plus', cuts: ['layer1.0', 'layer2.1'] },
      /man-plus: cuts: 'layer2.1' ends a stage of resnet-imagenet-18, .*name units within a stage/,
    ],
    [
      'the same of bottlenecks, over DGL',
      () => imagenet(50),
      { method: 'dgl-man-plus', cuts: ['layer1.2'] },
      /dgl-man-plus: cuts: 'layer1.2' ends a stage/,
    ],
    [
      'a head of a stem that is no block of its own',
      () => imagenet(18),
      { method: 'man-plus', cuts: ['layer2.0'], stemAuxiliary: 'published' },
      /man-plus: stemAuxiliary is of a stem that is a block of its own, .*: leave it out/,
    ],
    [
      'a cut after a stem that is one',
      tinyNetwork,
      { method: 'man-plus', cuts: ['stem', 'layer1.0'] },
      /man-plus: cuts: the stem of resnet-14 is a block of its own in any case; leave 'stem' out/,
    ],
  ])('%s', (_, build, options, message) => {
    const network = build();
    const tensors = tf.memory().numTensors;
    expect(() => buildStrategy(network, options)).toThrow(UserError);
    expect(() => buildStrategy(network, options)).toThrow(message);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeNetwork(network);
  });
});

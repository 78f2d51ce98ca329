import { describe, expect, test } from 'vitest';
import { stageCuts } from '../../../src/local/partition/options.js';
import { cutsAfter, publishedOrEvenCuts } from '../../../src/local/partition/partition.js';
import type { Network } from '../../../src/networks/network.js';

describe('published cut points', () => {
  /** Names alone: the networks themselves are large. */
  const named = (name: string, blocks: readonly number[]): Network => {
    const units = blocks.flatMap((count, s) =>
      Array.from({ length: count }, (_, i) => ({ name: `layer${s + 1}.${i}` })),
    );
    return { name, units: [{ name: 'stem' }, ...units] } as unknown as Network;
  };
  const bottlenecks = [3, 4, 23, 3];

  test.each([
    ['resnet-imagenet-34', [3, 4, 6, 3], 2, ['2.0']],
    ['resnet-imagenet-34', [3, 4, 6, 3], 4, ['2.0', '3.0', '3.5']],
    ['resnet-imagenet-50', [3, 4, 6, 3], 2, ['2.0']],
    ['resnet-imagenet-50', [3, 4, 6, 3], 4, ['2.0', '3.0', '3.5']],
    ['resnet-imagenet-101', bottlenecks, 2, ['2.0']],
    ['resnet-imagenet-101', bottlenecks, 4, ['3.0', '3.9', '3.17']],
    ['resnet-imagenet-101', bottlenecks, 8, ['2.0', '3.1', '3.5', '3.9', '3.13', '3.17', '3.21']],
    ['resnext-imagenet-101', bottlenecks, 2, ['2.0']],
    ['resnext-imagenet-101', bottlenecks, 4, ['3.0', '3.9', '3.17']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 2, ['2.5']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 4, ['3.0', '3.9', '3.17']],
  ])('of %s %j for %i blocks are after %j', (name, blocks, count, expected) => {
    const given = named(name, blocks);
    const names = expected.map((unit) => `layer${unit}`);
    expect(publishedOrEvenCuts(given, count)).toEqual(cutsAfter(given, names));
  });

  test.each([
    ['resnet-imagenet-101', bottlenecks, 4, ['2.2', '3.8', '3.16']],
    ['resnext-imagenet-101', bottlenecks, 4, ['2.2', '3.8', '3.16']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 4, ['2.6', '3.13', '3.25']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 2, ['2.5']],
    ['resnet-imagenet-34', [3, 4, 6, 3], 4, ['2.0', '3.0', '3.5']],
  ])('of %s %j for %i blocks are after %j in MAN and MAN++', (name, blocks, count, expected) => {
    const given = named(name, blocks);
    const cuts = cutsAfter(
      given,
      expected.map((unit) => `layer${unit}`),
    );
    for (const method of ['man', 'man-plus']) {
      expect(stageCuts(given, { method, blocks: count }).cuts).toEqual(cuts);
    }
  });

  test('of HPFF for ResNet-101 and 4 blocks stay its own', () => {
    const given = named('resnet-imagenet-101', bottlenecks);
    expect(stageCuts(given, { method: 'hpff', blocks: 4 }).cuts).toEqual(
      cutsAfter(given, ['layer3.0', 'layer3.9', 'layer3.17']),
    );
  });
});

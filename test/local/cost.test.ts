import { beforeAll, describe, expect, test } from 'vitest';
import { costOf } from '../support/cost.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyMethods, titleOf } from '../support/tiny.js';
import { costTests, forwardOf } from './cost-cases.js';
import counts from './cost-counts.json' with { type: 'json' };

describe.skipIf(!hasTorch)('multiply-adds on torch', () => {
  beforeAll(() => startEngine(torchEngine));

  costTests();

  test('published counts of networks at 224 pixels', () => {
    // torchvision's "GFLOPS" of its weights: ResNet-34 3.66, ResNet-50 4.09, ViT-B/16's layers alike.
    expect(forwardOf({ name: 'resnet-imagenet', layers: 34 }, 224) / 1e9).toBeCloseTo(3.66, 2);
    expect(forwardOf({ name: 'resnet-imagenet', layers: 50 }, 224) / 1e9).toBeCloseTo(4.09, 2);
  });

  test.each(sampleOf(tinyMethods, 4).map((options) => [titleOf(options), options] as const))(
    '%s: as every engine counts them',
    (title, options) => {
      expect(costOf(options)).toEqual((counts as Record<string, unknown>)[title]);
    },
  );
});

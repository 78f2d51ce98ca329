import { beforeAll, describe, test } from 'vitest';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { expectTorchvisionNumbers, torchvisionCases } from '../support/torchvision.js';

describe.skipIf(!hasTorch)('torchvision’s numbers on torch', () => {
  beforeAll(() => startEngine(torchEngine));

  test.each(sampleOf(torchvisionCases, 10))('%s: keys, logits, gradients and running statistics', (name) => {
    expectTorchvisionNumbers(name);
  });
});

import { beforeAll, describe, test } from 'vitest';
import { hasTorch, startEngine } from '../support/engine.js';
import { expectTorchvisionNumbers, torchvisionCases } from '../support/torchvision.js';

describe.skipIf(!hasTorch)('torchvision’s numbers on torch', () => {
  beforeAll(() => startEngine('torch'));

  test.each(torchvisionCases)('%s: keys, logits, gradients and running statistics', (name) => {
    expectTorchvisionNumbers(name);
  });
});

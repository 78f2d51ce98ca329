import { beforeAll, test } from 'vitest';
import { startEngine } from '../support/engine.js';
import { expectTorchvisionNumbers } from '../support/torchvision.js';

beforeAll(() => startEngine('wasm'));

test.each(['resnet18', 'vit'])('%s on wasm: keys, logits, gradients and running statistics', (name) => {
  expectTorchvisionNumbers(name);
});

import { beforeAll, expect, test } from 'vitest';
import { parseConfig, type Config } from '../../../src/config/config.js';
import { backpropagation } from '../../../src/config/method-config.js';
import { builtInRegistry } from '../../../src/config/registry.js';
import { memoryMethods } from '../../../src/measure/memory/methods.js';
import { settingOf, type MemorySetting } from '../../../src/measure/memory/setting.js';
import { outlineMethod, outlineNetwork } from '../../../src/measure/outline/outline.js';
import { methodText, networkText } from '../../../src/measure/outline/output.js';
import { byHand, costOf } from '../../support/cost.js';
import { startEngine } from '../../support/engine.js';

const config: Config = parseConfig(
  `
name: tiny
data: { name: cifar10 }
network: { name: resnet, layers: 14 }
train: { epochs: 1, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 0 }
methods: [{ method: auglocal, depth: 2 }, { method: hpff, blocks: 4, auxiliary: 1c1f }]
`,
  'tiny.yaml',
);

let setting: MemorySetting;
beforeAll(async () => {
  const engine = await startEngine();
  setting = settingOf(config, { engine, registry: builtInRegistry, classes: 4, imageShape: [8, 8, 3] });
});

test('a network unit by unit: what each makes, holds and takes', async () => {
  const outline = await outlineNetwork(setting);
  expect(outline).toMatchObject({ network: 'resnet-14', imageShape: [8, 8, 3], classes: 4 });
  const { units } = outline;
  expect(units.map(({ name, shape }) => [name, shape.join('×')])).toEqual([
    ['stem', '8×8×16'],
    ['layer1.0', '8×8×16'],
    ['layer1.1', '8×8×16'],
    ['layer2.0', '4×4×32'],
    ['layer2.1', '4×4×32'],
    ['layer3.0', '2×2×64'],
    ['layer3.1', '2×2×64'],
    ['head', '4'],
  ]);
  // A 3×3 convolution of 3 to 16 channels, and its batch normalisation; a linear layer.
  expect(units[0]).toMatchObject({ parameters: 27 * 16 + 2 * 16, multiplyAdds: byHand.stem });
  expect(units.at(-1)).toMatchObject({ parameters: 64 * 4 + 4, multiplyAdds: byHand.head });
  expect(units.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0)).toBe(byHand.forward);
  const lines = networkText(outline).split('\n');
  expect(lines[0]).toBe('resnet-14: images of 8×8×3, 4 classes; multiply-adds of a forward pass, an image');
  expect(lines.find((line) => line.startsWith('stem'))).toMatch(/^stem +8×8×16 +464 +27\.6 k$/);
});

test.each([
  ['auglocal', { method: 'auglocal', depth: 2 }],
  ['hpff', { method: 'hpff', blocks: 4, auxiliary: '1c1f' }],
] as const)('what %s makes of it: the parts add up to a step', async (name, options) => {
  const [method] = memoryMethods(config, builtInRegistry, name);
  const outline = await outlineMethod(setting, method!);
  const sum = (part: 'network' | 'auxiliary'): number =>
    outline.updates.reduce((total, { multiplyAdds }) => total + multiplyAdds[part], 0);
  const images = 4;
  const step = costOf(options, { images });
  expect({ network: sum('network'), auxiliary: sum('auxiliary') }).toEqual({
    network: step.network / images,
    auxiliary: step.auxiliary / images,
  });
  const trained = new Set(outline.updates.filter(({ network }) => network > 0));
  expect(trained.size).toBeGreaterThan(2);
  expect(outline.partition.flat()).toHaveLength(7);
  const bp = await outlineMethod(setting, backpropagation);
  expect(bp.updates).toHaveLength(1);
  expect(bp.updates[0]).toMatchObject({ network: bp.parameters.network, auxiliary: 0 });
  const text = methodText(outline, bp);
  expect(text.split('\n')[0]).toBe(`${name}: ${outline.partition.length} blocks`);
  expect(text).toMatch(/multiply-adds a step, an image: [\d.]+ M \(\+\d+ % to BP\)\n/);
  const untrained = 'block 3: loss weight 0 of reconstruction, 0 of classification: its loss trains nothing';
  expect(outline.notes).toEqual(name === 'hpff' ? [untrained] : []);
  if (name === 'hpff') expect(text.split('\n').at(-2)).toBe(`hpff: ${untrained}`);
});

test('says why there are other blocks than were asked for', async () => {
  const [method] = memoryMethods({ ...config, methods: [] }, builtInRegistry, 'hpff');
  const every = { ...method!, options: { ...method!.options, blocks: 16 } };
  const deep = { ...setting, network: { name: 'resnet', layers: 32 } };
  const { notes } = await outlineMethod(deep, every);
  expect(notes[0]).toBe('15 blocks for K = 16: resnet-32 is cut after every unit, as in the published code');
});

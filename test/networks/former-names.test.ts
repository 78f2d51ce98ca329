import { beforeAll, expect, test } from 'vitest';
import { rootScope, withoutDrawing } from '../../src/nn/parameters.js';
import { disposeLayer } from '../../src/nn/layer.js';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { resnetCifar, type ResnetCifarOptions } from '../../src/networks/resnet-cifar.js';
import { resnetImagenet, resnextImagenet } from '../../src/networks/resnet-imagenet.js';
import { vgg } from '../../src/networks/vgg.js';
import { vit } from '../../src/networks/vit.js';
import { convolutionalHead, encoderBlock, imagenetHead } from '../../src/index.js';
import { startEngine } from '../support/engine.js';
import { collectFormerNames } from '../support/former-names.js';
import { tinyClasses, tinyNetwork } from '../support/tiny.js';

beforeAll(() => startEngine());
const lines = collectFormerNames();

const inputs = { classes: 4, imageShape: [32, 32, 3], seed: 1 } as const;
type Make = (options: object) => Network;
test.each([
  ['resnetCifar', resnetCifar as Make, 14, {}],
  ['resnetImagenet', resnetImagenet as Make, 18, {}],
  ['resnextImagenet', resnextImagenet as Make, 101, {}],
  ['vgg', vgg as Make, 13, { head: 'pooled' }],
  ['vit', vit as Make, 2, { patchSize: 8, width: 8, heads: 2, mlpWidth: 8 }],
])('%s takes its layers as depth, too, and says so', (name, make, layers, options) => {
  const network = withoutDrawing(() => make({ ...inputs, ...options, depth: layers }));
  expect(network.name).toMatch(new RegExp(`-${layers}$`));
  disposeNetwork(network);
  expect(lines).toContain(`${name}(): depth is called layers now; the old name still works in this release`);
});

test('what has neither is refused by the name of today', () => {
  expect(() => resnetCifar(inputs as unknown as ResnetCifarOptions)).toThrow(
    /^resnetCifar: options\.layers: /,
  );
});

test('AugLocal’s nets are made by a network that has its buildUnit as buildBlock, too', () => {
  const given = tinyNetwork(8);
  const calls: unknown[] = [];
  const network = {
    ...given,
    buildUnit: undefined,
    buildBlock(...[scope, options]: Parameters<Network['buildUnit']>) {
      calls.push(options);
      return given.buildUnit(scope, options);
    },
  } as unknown as Network;
  const strategy = buildStrategy(network, { method: 'auglocal', depth: 1 });
  expect(calls.length).toBeGreaterThan(0);
  expect(lines).toContain(
    'network resnet-8: buildBlock is called buildUnit now; the old name still works in this release',
  );
  strategy.dispose();
  disposeNetwork(network);
});

test('a network without either is refused', () => {
  const whole = tinyNetwork(8);
  const network: Partial<Network> = { ...whole, buildUnit: undefined as never };
  expect(() => buildStrategy(network as Network, { method: 'bp' })).toThrow(
    /^buildStrategy: network\.buildUnit: must be a function/,
  );
  disposeNetwork(whole);
});

test('functions of the package are there under the names that they had', () => {
  const network = tinyNetwork(8);
  const unit = network.units[0]!;
  const site = { network, unit, features: unit.output, position: 0, blocks: 2 };
  const names = (net: ReturnType<typeof convolutionalHead>): string[] => {
    const layer = net(rootScope(1), site, tinyClasses);
    const all = layer.parameters.map(({ name }) => name);
    disposeLayer(layer);
    return all;
  };
  expect(names(convolutionalHead('0c1f'))).toEqual(['2.weight', '2.bias']);
  expect(names(imagenetHead).length).toBeGreaterThan(2);
  const encoder = encoderBlock(rootScope(1), { width: 8, heads: 2, mlpWidth: 8 });
  expect(encoder.parameters[0]!.name).toBe('ln_1.weight');
  disposeLayer(encoder);
  disposeNetwork(network);
  expect(lines.filter((line) => line.startsWith('locallearn: '))).toEqual([
    'locallearn: convolutionalHead is called convolutionalNet now; the old name still works in this release',
    'locallearn: imagenetHead is called imagenetNet now; the old name still works in this release',
    'locallearn: encoderBlock is called encoderUnit now; the old name still works in this release',
  ]);
});

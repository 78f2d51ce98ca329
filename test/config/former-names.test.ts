import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configDocument, loadConfig, parseConfig } from '../../src/config/config.js';
import { definePlugin } from '../../src/config/plugin.js';
import { registryWith } from '../../src/config/registry.js';
import { defineAuxiliary } from '../../src/local/axes/auxiliary/auxiliary.js';
import { dglNet } from '../../src/local/axes/auxiliary/dgl.js';
import { collectFormerNames } from '../support/former-names.js';
import { minimal, problem } from './minimal.js';

const lines = collectFormerNames();

const methods: readonly (readonly [string, string])[] = [
  ['{ method: auglocal, classifier: imagenet }', '{ method: auglocal, tail: imagenet }'],
  ['{ method: infopro, auxiliary: 1c1f }', '{ method: infopro, head: 1c1f }'],
  ['{ method: man, auxiliary: imagenet }', '{ method: man, head: imagenet }'],
  ['{ method: hpff, auxiliary: 0c1f }', '{ method: hpff, head: 0c1f }'],
  ['{ method: contsup, auxiliary: 2c1f }', '{ method: contsup, head: 2c1f }'],
  [
    '{ method: man-plus, auxiliary: 2c1f, stemAuxiliary: as-others }',
    '{ method: man-plus, head: 2c1f, stemHead: as-others }',
  ],
  [
    '{ method: custom, auxiliary: { name: sampled, classifier: vgg } }',
    '{ method: custom, auxiliary: { name: sampled, tail: vgg } }',
  ],
];

const networks: readonly (readonly [string, string])[] = [
  ['{ name: resnet, layers: 14 }', '{ name: resnet, depth: 14 }'],
  ['{ name: resnet-imagenet, layers: 34 }', '{ name: resnet-imagenet, depth: 34 }'],
  ['{ name: resnext-imagenet, layers: 101 }', '{ name: resnext-imagenet, depth: 101 }'],
  ['{ name: vgg, layers: 13, head: pooled }', '{ name: vgg, depth: 13, head: pooled }'],
  ['{ name: vit, layers: 3 }', '{ name: vit, depth: 3 }'],
];

const text = (network: string, method: string): string => `name: tiny
data: { name: fashion-mnist }
network: ${network}
train: { epochs: 2, batchSize: 32, learningRate: 0.1 }
methods: [${method}]
`;
const read = (config: string, overrides: readonly string[] = []): Record<string, unknown> =>
  configDocument(parseConfig(config, 'c.yaml', overrides));

test.each(methods)('%s, also as %s', (now, before) => {
  const network = networks[0]![0];
  expect(read(text(network, before))).toEqual(read(text(network, now)));
});

test.each(networks)('%s, also as %s', (now, before) => {
  expect(read(text(before, '{ method: bp }'))).toEqual(read(text(now, '{ method: bp }')));
});

test('each old name is told of, with the new one', () => {
  for (const line of [
    'vit: depth is called layers now; the old name still works in this release',
    'sampled: tail is called classifier now; the old name still works in this release',
    'method man-plus: stemHead is called stemAuxiliary now; the old name still works in this release',
  ])
    expect(lines).toContain(line);
});

test('of both names what was said last counts: in a file over its base’s, in an override over both', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'locallearn-former-'));
  try {
    const layersOf = async (base: string, own: string, ...overrides: string[]): Promise<unknown> => {
      writeFileSync(join(folder, 'base.yaml'), minimal.replace('layers: 8', `${base}: 8`));
      writeFileSync(join(folder, 'own.yaml'), `extends: base.yaml\nnetwork: { ${own}: 14 }\n`);
      const { config } = await loadConfig(join(folder, 'own.yaml'), overrides);
      return configDocument(config)['network'];
    };
    for (const [base, own] of [
      ['layers', 'depth'],
      ['depth', 'layers'],
      ['depth', 'depth'],
    ] as const) {
      expect(await layersOf(base, own)).toEqual({ name: 'resnet', layers: 14 });
      for (const key of ['depth', 'layers'])
        expect(await layersOf(base, own, `network.${key}=20`)).toEqual({ name: 'resnet', layers: 20 });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a wrong value under an old name is told under the new one, where it stands', () => {
  expect(problem(minimal.replace('layers: 8', 'depth: abc'))).toMatch(
    /^c\.yaml:6:3: network\.layers: must be a number, not "abc"/,
  );
  expect(problem(minimal, ['network.depth=9'])).toMatch(
    /^c\.yaml: --set network\.depth=9: network\.layers: must be 6m\+2/,
  );
  expect(problem(text(networks[0]![0], '{ method: custom, auxiliary: { name: sampled, tail: 3 } }'))).toMatch(
    /^c\.yaml:5:57: methods\.0\.auxiliary\.classifier: must be one of/,
  );
});

test('of a wrong value under both names the place of the one that counts is told', () => {
  const place = (lines: string): string => problem(minimal.replace('layers: 8', lines)).split(' ')[0]!;
  expect(place('layers: 9\n  depth: 10')).toBe('c.yaml:7:3:');
  expect(place('depth: 10\n  layers: 9')).toBe('c.yaml:7:3:');
  expect(place('depth: 9\n  layers: 10')).toBe('c.yaml:7:3:');
});

test('an option that never had another name keeps its own: depth of AugLocal, head of VGG', () => {
  const config = read(text('{ name: vgg, layers: 13, head: pooled }', '{ method: auglocal, depth: 3 }'));
  expect(config['network']).toMatchObject({ head: 'pooled' });
  expect(config['methods']).toMatchObject([{ depth: 3 }]);
  expect(problem(minimal.replace('depth: 2', 'depth: 2\n  layers: 2'))).toMatch(
    /method\.layers: unknown key/,
  );
});

test('a plugin’s choices can have former names too', () => {
  const wide = defineAuxiliary({
    name: 'wide',
    options: z.strictObject({ width: z.int() }),
    formerly: { size: 'width' },
    build: () => dglNet,
  });
  const plugin = definePlugin({ auxiliaries: [wide] });
  const registry = registryWith([{ file: 'wide.ts', plugin }]);
  const config = parseConfig(
    text(networks[0]![0], '{ method: custom, auxiliary: { name: wide, size: 3 } }'),
    'c.yaml',
    [],
    registry,
  );
  expect(config.methods?.[0]?.options['auxiliary']).toEqual({ name: 'wide', width: 3 });
  expect(lines).toContain('wide: size is called width now; the old name still works in this release');
});

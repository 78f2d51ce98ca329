import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectionOf, type SelectionArguments } from '../../../src/cli/commands/data-options.js';
import { loadConfig } from '../../../src/config/config.js';
import { builtInDatasets } from '../../../src/data/kinds/built-in.js';
import { writeFashionMnist } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

const nothing: SelectionArguments = {
  ...{
    name: undefined,
    dir: undefined,
    file: undefined,
    config: undefined,
    set: [],
    plugin: [],
    quiet: true,
  },
};

describe('the data of a config', () => {
  const folder = join(import.meta.dirname, '../../../configs');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.yaml') && !/(^|\/)_/.test(file),
  );

  it.each(files)('%s is what training takes, with what it extends', async (file) => {
    const config = join(folder, file);
    const set = ['data.trainImages=100', 'seed=3'];
    const { data, seed, train } = (await loadConfig(config, set)).config;
    expect(await selectionOf({ ...nothing, config, set })).toEqual({
      ...{ data, seed, augment: train.augment, kinds: builtInDatasets },
    });
  });

  it('is refused with the place of what is wrong, in the file that says it', async () => {
    const own = mkdtempSync(join(tmpdir(), 'locallearn-selection-'));
    try {
      writeFileSync(join(own, 'base.yaml'), 'data: { name: cifar10, dri: x }\n');
      const config = join(own, 'own.yaml');
      writeFileSync(config, 'extends: base.yaml\n');
      await expect(selectionOf({ ...nothing, config })).rejects.toThrow(
        /^\S*base\.yaml:1:24: data\.dri: unknown key \(did you mean "dir"\?\)/,
      );
      await expect(selectionOf({ ...nothing, config, set: ['data={ name: csv }'] })).rejects.toThrow(
        /^\S*own\.yaml: --set data=\{ name: csv \}: data\.file: missing; must be text$/,
      );
    } finally {
      rmSync(own, { recursive: true });
    }
  });
});

describe('the data commands', () => {
  const own = mkdtempSync(join(tmpdir(), 'locallearn-data-config-'));
  const config = join(own, 'own.yaml');
  beforeAll(() => {
    const dir = join(own, 'data #2');
    writeFashionMnist(dir);
    writeFileSync(join(own, 'base.yaml'), `data: { name: fashion-mnist, dir: ${JSON.stringify(dir)} }\n`);
    writeFileSync(config, 'extends: base.yaml\nseed: 2\n');
  });
  afterAll(() => rmSync(own, { recursive: true }));

  it.each(['info', 'verify', 'preview'])('%s reads what a config extends', async (command) => {
    const picture = command === 'preview' ? ['--out', join(own, 'preview.png')] : [];
    const set = ['--set', 'data.trainImages=20', '--set', `data.dir=${join(own, 'data #2')}`];
    const { code, stderr } = await run(['data', command, '--config', config, '--quiet', ...picture, ...set]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

it('takes the value of a name whole, and says which --set is wrong', async () => {
  const { data } = await selectionOf({ ...nothing, name: 'folder', set: ['data.dir=zoo #2'] });
  expect(data.dir).toBe('zoo #2');
  await expect(selectionOf({ ...nothing, name: 'cifar10', set: ['data.trainImages=0'] })).rejects.toThrow(
    /^--set data\.trainImages=0: data\.trainImages: must be at least 1, not 0$/,
  );
});

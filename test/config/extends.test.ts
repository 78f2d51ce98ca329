import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import { bp } from '../../src/local/methods/bp.js';
import { dgl } from '../../src/local/methods/dgl.js';
import { greedy } from '../../src/local/methods/greedy.js';
import { hpff } from '../../src/local/methods/hpff.js';
import { man } from '../../src/local/methods/man.js';
import { readDocument } from '../../src/config/document.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-extends-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const base = `
name: base
data: { name: cifar10, trainImages: 1000, augmentation: { crop: { kind: padded, pad: 4 } } }
network: { name: resnet, layers: 32 }
train: { epochs: 3, batchSize: 32, learningRate: 0.1 }
method: { method: man, blocks: 4, momentum: 0.9 }
`;

/** The config, or what is wrong with it, without the folder. */
async function load(path: string, overrides: readonly string[] = []) {
  return (await loadConfig(path, overrides)).config;
}
const problem = async (path: string, overrides: readonly string[] = []): Promise<string> =>
  load(path, overrides).then(
    () => 'accepted',
    (error: Error) => error.message.replaceAll(`${folder}/`, ''),
  );

describe('extends', () => {
  it('merges maps, replaces lists and values, and leaves nothing of itself', async () => {
    write('base.yaml', base);
    const path = write(
      'sub/own.yaml',
      'extends: ../base.yaml\nname: own\ntrain: { epochs: 9 }\nmethod: { blocks: 2 }\n',
    );
    const config = await load(path);
    expect(config).toMatchObject({
      name: 'own',
      data: { name: 'cifar10', trainImages: 1000 },
      train: { epochs: 9, batchSize: 32, learningRate: 0.1 },
      method: { method: man, options: { blocks: 2, momentum: 0.9 } },
    });
    expect(Object.keys(config)).not.toContain('extends');
    expect((await load(path, ['train.epochs=5', 'method.blocks=8'])).train.epochs).toBe(5);
  });

  it('takes several, the later over the earlier, each with its own', async () => {
    write('base.yaml', base);
    write('one.yaml', 'extends: base.yaml\nname: one\nseed: 1\ntrain: { epochs: 1, momentum: 0.5 }\n');
    write('two.yaml', 'name: two\nseed: 2\ntrain: { epochs: 2 }\n');
    const config = await load(write('own.yaml', 'extends: [one.yaml, two.yaml]\nseed: 3\n'));
    expect(config).toMatchObject({ name: 'two', seed: 3, train: { epochs: 2, momentum: 0.5 } });
  });

  it('merges no option of another method, data set, network or crop', async () => {
    write('base.yaml', base);
    const own = `extends: base.yaml
data: { name: svhn }
network: { name: vit, layers: 2 }
method: { method: hpff, blocks: 3 }
`;
    const config = await load(write('own.yaml', own));
    expect(config.data).not.toHaveProperty('trainImages');
    expect(config.network).toMatchObject({ name: 'vit', layers: 2 });
    expect(config.method).toMatchObject({ method: hpff, options: { blocks: 3 } });
    expect(config.method?.options).not.toHaveProperty('momentum');
    const crop = write(
      'crop.yaml',
      'extends: base.yaml\ndata: { augmentation: { crop: { kind: resized } } }\n',
    );
    expect((await load(crop)).data.augmentation?.crop).toEqual({
      ...{ kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    });
  });

  it('lets one method take the place of several, and several of one', async () => {
    write('base.yaml', base);
    const several = write('several.yaml', 'extends: base.yaml\nmethods: [{ method: bp }, { method: dgl }]\n');
    expect((await load(several)).methods).toMatchObject([{ method: bp }, { method: dgl }]);
    const one = write('one.yaml', 'extends: several.yaml\nmethod: { method: greedy }\n');
    expect(await load(one)).toMatchObject({ method: { method: greedy } });
    expect((await load(one)).methods).toBeUndefined();
  });

  it('says of each mistake in which file it stands', async () => {
    write('base.yaml', base.replace('layers: 32', 'layers: 33').replace('momentum: 0.9', 'momentum: 2'));
    const path = write(
      'own.yaml',
      'extends: base.yaml\ntrain:\n  epoch: 9\n  batchSize: none\ndata:\n  trainImages: 0\n',
    );
    expect((await problem(path)).split('\n').sort()).toEqual([
      'base.yaml:4:26: network.layers: must be 6m+2: 8, 14, 20, 26, 32, … 110',
      'base.yaml:6:35: method.momentum: must be at most 1, not 2',
      expect.stringMatching(/^own\.yaml:3:3: train\.epoch: unknown key \(did you mean "epochs"\?\)/),
      'own.yaml:4:3: train.batchSize: must be a number, not "none"',
      'own.yaml:6:3: data.trainImages: must be at least 1, not 0',
    ]);
    expect(await problem(path, ['train.epochs=x'])).toContain(
      'own.yaml: --set train.epochs=x: train.epochs: must be',
    );
    const lacking = write('lacking.yaml', 'extends: empty-map.yaml\nmethod: {}\n');
    write('empty-map.yaml', 'train: {}\nname: x\n');
    expect(await problem(lacking)).toContain('empty-map.yaml:1:1: train.epochs: missing');
    expect(await problem(lacking)).toContain('lacking.yaml:2:1: method.method: missing');
  });

  it('takes plugins from the folder of the file that names them', async () => {
    write('below/base.yaml', `${base}plugins: [./none.mjs]\n`);
    expect(await problem(write('own.yaml', 'extends: below/base.yaml\n'))).toMatch(
      /^below\/base\.yaml:\d+:\d+: plugins\.0: cannot read the plugin: .* 'below\/none\.mjs'/,
    );
  });

  it('is refused in one line that names the chain: circles, missing files, files that are no maps', async () => {
    const a = write('a.yaml', 'extends: b.yaml\n');
    write('b.yaml', 'name: b\nextends: [c.yaml]\n');
    write('c.yaml', 'extends: ./a.yaml\n');
    expect(await problem(a)).toBe(
      'c.yaml:1:1: extends: the files extend each other in a circle (a.yaml extends b.yaml extends c.yaml extends a.yaml)',
    );
    symlinkSync(a, join(folder, 'link.yaml'));
    write('c.yaml', 'extends: link.yaml\n');
    expect(await problem(a)).toMatch(/in a circle/);
    write('c.yaml', 'extends: none.yaml\n');
    expect(await problem(a)).toMatch(
      /^c\.yaml:1:1: extends: none\.yaml: cannot read the config: ENOENT.* \(a\.yaml extends b\.yaml extends c\.yaml extends none\.yaml\)$/,
    );
    write('c.yaml', '- a list\n');
    expect(await problem(a)).toBe(
      'c.yaml:1:1: must be a map of settings (a.yaml extends b.yaml extends c.yaml)',
    );
    write('c.yaml', '');
    expect(await problem(a)).toBe('c.yaml: the config is empty (a.yaml extends b.yaml extends c.yaml)');
    write('c.yaml', 'name: [\n');
    expect(await problem(a)).toMatch(/^c\.yaml:2:1: \S/);
    for (const value of ['3', '[]', '{ a: b }', '[a.yaml, 3]', "''"]) {
      expect(await problem(write('odd.yaml', `name: x\nextends: ${value}\n`))).toBe(
        'odd.yaml:2:1: extends: must be the path of a config, or a list of such paths',
      );
    }
    expect(await problem(write('set.yaml', base), ['extends=a.yaml'])).toBe(
      'set.yaml: --set extends=a.yaml: extends: can only be said in a file',
    );
  });

  it('is refused where it comes to too many files', async () => {
    write('leaf.yaml', 'seed: 1\n');
    write('ten.yaml', `extends: [${Array(10).fill('leaf.yaml').join(', ')}]\n`);
    const path = write('own.yaml', `extends: [${Array(10).fill('ten.yaml').join(', ')}]\n`);
    expect(await problem(path)).toMatch(/made of more than 50 files \(own\.yaml extends ten\.yaml/);
  });

  it('merges as told, whatever the maps, and finds each value in a file that has it', () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.integer(),
        fc.array(fc.integer(), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('tree'), { maxKeys: 3 }),
      ),
    }));
    const map = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tree, { maxKeys: 4 });
    const isMap = (value: unknown): value is Record<string, unknown> =>
      typeof value === 'object' && value !== null && !Array.isArray(value);
    const merged = (below: unknown, above: unknown): unknown => {
      if (!isMap(below) || !isMap(above)) return above;
      const keys = [...new Set([...Object.keys(below), ...Object.keys(above)])];
      return Object.fromEntries(
        keys.map((key) => [
          key,
          !Object.hasOwn(above, key)
            ? below[key]
            : Object.hasOwn(below, key)
              ? merged(below[key], above[key])
              : above[key],
        ]),
      );
    };
    const at = (value: unknown, path: readonly string[]): unknown =>
      path.reduce<unknown>(
        (node, key) => (isMap(node) && Object.hasOwn(node, key) ? node[key] : undefined),
        value,
      );
    const paths = (value: unknown): string[][] =>
      isMap(value)
        ? Object.keys(value).flatMap((key) => [[key], ...paths(value[key]).map((rest) => [key, ...rest])])
        : [];
    fc.assert(
      fc.property(map, map, (below, above) => {
        write('below.yaml', stringify(below));
        const path = join(folder, 'above.yaml');
        const { valueFor, locate } = readDocument(stringify({ ...above, extends: 'below.yaml' }), path, []);
        const value = valueFor(z.unknown());
        expect(value).toEqual(merged(below, above));
        for (const place of paths(value)) {
          const origin = locate(place).startsWith(`${path}:`) ? above : below;
          const found = at(value, place);
          if (isMap(found)) expect(isMap(at(origin, place))).toBe(true);
          else expect(at(origin, place)).toEqual(found);
        }
      }),
      { numRuns: 60 },
    );
  });
});

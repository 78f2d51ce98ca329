import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configDocument, parseConfig } from '../../src/config/config.js';
import { backpropagation } from '../../src/config/method-config.js';
import { minimal, problem } from './minimal.js';

describe('--set', () => {
  it('changes, adds and lists values before validation', () => {
    const config = parseConfig(minimal, 'c.yaml', [
      'train.epochs=7',
      'data.trainImages=100',
      'method={ method: bp }',
      'name=other',
    ]);
    expect(config.train.epochs).toBe(7);
    expect(config.data.trainImages).toBe(100);
    expect(config.method).toEqual(backpropagation);
    expect(config.name).toBe('other');
  });

  it('takes ~/ for the home folder in paths of data', () => {
    const config = parseConfig(minimal, 'c.yaml', ['data.dir=~/zoo']);
    expect(config.data.dir).toBe(join(homedir(), 'zoo'));
    expect(parseConfig(minimal, 'c.yaml', ['data.dir=./~/zoo']).data.dir).toBe('./~/zoo');
  });

  it('replaces a method with its options where it names another, and keeps what else is set of that', () => {
    const method = (...overrides: string[]): unknown =>
      configDocument(parseConfig(minimal, 'c.yaml', overrides))['method'];
    const man = method('method={ method: man, blocks: 3 }');
    expect(method('method.method=man', 'method.blocks=3')).toEqual(man);
    expect(method('method.blocks=3', 'method.method=man')).toEqual(man);
    expect(problem(minimal, ['method.depth=1', 'method.method=man', 'method.blocks=3'])).toMatch(
      /--set method\.depth=1: method\.depth: unknown key/,
    );
    expect(problem(minimal, ['network.name=vgg'])).toMatch(/network\.layers: missing/);
    expect(parseConfig(minimal, 'c.yaml', ['name=other', 'train.epochs=3'])).toMatchObject({
      name: 'other',
      train: { epochs: 3 },
    });
  });

  it('puts methods in the place of the one method, and the other way round', () => {
    const several = parseConfig(minimal, 'c.yaml', ['methods=[{ method: bp }, { method: dgl }]']);
    expect([several.method, several.methods?.length]).toEqual([undefined, 2]);
    const text = minimal.replace(/method:\n[^]*$/, 'methods: [{ method: bp }]\n');
    const one = parseConfig(text, 'c.yaml', ['method.method=man', 'method.blocks=3']);
    expect([one.method?.method.name, one.methods]).toEqual(['man', undefined]);
  });

  it('reaches list entries by index, the one after the last included', () => {
    const text = minimal.replace(
      /method:\n[^]*$/,
      'methods:\n  - { method: bp }\n  - { method: auglocal, depth: 1 }\n',
    );
    const config = parseConfig(text, 'c.yaml', ['methods.1.depth=3', 'methods.2={method: man, blocks: 2}']);
    expect(configDocument(config)['methods']).toMatchObject([
      { method: 'bp' },
      { depth: 3 },
      { method: 'man', blocks: 2 },
    ]);
    expect(problem(text, ['methods.5={}'])).toMatch(
      /--set methods\.5={}: methods is a list of 2, so "5" must be/,
    );
    expect(problem(text, ['methods.x=1'])).toMatch(/must be an index from 0 to 2/);
  });

  it.each<[string, string, string]>([
    ['data.dir', 'zoo #2', 'zoo #2'],
    ['data.dir', ' zoo ', ' zoo '],
    ['data.dir', '2024', '2024'],
    ['data.dir', '0x10', '0x10'],
    ['data.dir', 'true', 'true'],
    ['data.dir', '@home', '@home'],
    ['data.dir', '*pets', '*pets'],
    ['data.dir', '&pets dogs', '&pets dogs'],
    ['data.dir', '!pets', '!pets'],
    ['data.dir', '[2024] x', '[2024] x'],
    ['data.dir', '[a]', '[a]'],
    ['data.dir', '{ a: b }', '{ a: b }'],
    ['data.dir', 'a: b', 'a: b'],
    ['data.dir', '- a', '- a'],
    ['data.dir', '--- a', '--- a'],
    ['data.dir', '"a" b', '"a" b'],
    ['data.dir', '# a', '# a'],
    ['data.dir', 'a=b', 'a=b'],
    ['data.dir', '"zoo #2"', 'zoo #2'],
    ['data.dir', "'2024'", '2024'],
    ['method.label', '3', '3'],
    ['name', '2024', '2024'],
  ])('takes %s=%s whole where the schema wants text', (key, written, value) => {
    const config = parseConfig(minimal, 'c.yaml', [`${key}=${written}`]);
    const found = key.split('.').reduce<unknown>((node, part) => (node as never)[part], config);
    expect(found).toBe(value);
  });

  it('knows text by what other overrides choose, whatever their order', () => {
    const csv = ['data.file=7', 'data={ name: csv, file: x, dir: y }'];
    expect(problem(minimal, csv.slice(0, 1))).toMatch(/data\.file: unknown key/);
    expect(parseConfig(minimal, 'c.yaml', [...csv].reverse()).data).toMatchObject({ file: '7', dir: 'y' });
    const own = parseConfig(minimal, 'c.yaml', ['data.dir=7', 'data.name=folder']);
    expect(own.data).toMatchObject({ name: 'folder', dir: '7' });
  });

  it('drops nothing of a value that is no text, and says of text within YAML what it needs', () => {
    expect(problem(minimal, ['name=@home'])).toBe(
      'c.yaml: --set name=@home: name: must be letters, digits, ".", "_" and "-"',
    );
    expect(problem(minimal, ['train.epochs=3 # or 4'])).toMatch(
      /train\.epochs: must be a number, not "3 # or 4"$/,
    );
    expect(problem(minimal, ['train.schedule=cosine #2'])).toMatch(
      /not "cosine #2" \(did you mean "cosine"\?\)$/,
    );
    expect(parseConfig(minimal, 'c.yaml', ['train.schedule= step ']).train.schedule).toBe('step');
    expect(problem(minimal, ['data={ name: folder, dir: 2024 }'])).toMatch(
      /data\.dir: must be text, not 2024; text like that needs quotes around it$/,
    );
    expect(problem(minimal.replace('name: tiny', 'name: 2024'))).toBe(
      'c.yaml:1:1: name: must be text, not 2024; text like that needs quotes around it',
    );
  });

  it('is refused where it has no path, no YAML, or leads through a number', () => {
    expect(problem(minimal, ['train.epochs'])).toMatch(/^--set train\.epochs: not of the form a\.b=value$/);
    expect(problem(minimal, ['=3'])).toMatch(/not of the form/);
    expect(problem(minimal, ['a..b=3'])).toMatch(/not of the form/);
    expect(problem(minimal, ['train.epochs=[1'])).toMatch(/the value is not valid YAML/);
    expect(problem(minimal, ['train.epochs.x=1'])).toMatch(/train\.epochs is 2, which has no "x" in it/);
    expect(problem(minimal, ['train.epoch=1'])).toMatch(
      /^c\.yaml: --set train\.epoch=1: train\.epoch: unknown key \(did you mean "epochs"\?\)/,
    );
    expect(problem(minimal, ['__proto__.x=1'])).toMatch(/__proto__: unknown key/);
  });
});

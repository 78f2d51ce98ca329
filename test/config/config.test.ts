import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { configDocument, loadConfig, parseConfig } from '../../src/config/config.js';
import { labelOf } from '../../src/config/method-config.js';
import { minimal, problem } from './minimal.js';
import { auglocal } from '../../src/local/methods/auglocal.js';

describe('a valid config', () => {
  it('has every default filled in', () => {
    const config = parseConfig(minimal, 'c.yaml');
    expect(config.seed).toBe(1);
    expect(config.engine).toBe('auto');
    expect(config.train).toEqual({
      epochs: 2,
      batchSize: 32,
      learningRate: 0.1,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 1e-4,
      schedule: 'cosine',
      warmupEpochs: 0,
      augment: true,
      ...{ lastBatch: 'keep', mixup: 0 },
      workers: 1,
      keep: 2,
    });
    expect(config.method).toMatchObject({ method: auglocal, options: { depth: 2 } });
  });

  it('is a fixed point: written out and read again it stays the same', () => {
    const config = parseConfig(minimal, 'c.yaml');
    expect(parseConfig(stringify(configDocument(config)), 'again.yaml')).toEqual(config);
  });

  it('may label its methods, and must where two would share a name', () => {
    const methods =
      '[{ method: bp }, { method: auglocal, depth: 1 }, { method: auglocal, depth: 3, label: deep }]';
    const text = minimal.replace(/method:\n[^]*$/, `methods: ${methods}\n`);
    expect(parseConfig(text, 'c.yaml').methods?.map(labelOf)).toEqual(['bp', 'auglocal', 'deep']);
    expect(problem(text.replace(', label: deep', ''))).toMatch(
      /^c\.yaml:11:\d+: methods\.2: both methods\.1 and methods\.2 are called "auglocal"/,
    );
  });
});

describe('a bad config', () => {
  it('has an unknown key: place, path, nearest name and allowed names', () => {
    expect(problem(minimal.replace('batchSize', 'batch_size'))).toMatch(
      /^c\.yaml:9:3: train\.batch_size: unknown key \(did you mean "batchSize"\?\); allowed: epochs, batchSize, .*workers/m,
    );
    expect(problem(`${minimal}sead: 3\n`)).toMatch(
      /^c\.yaml:14:1: sead: unknown key \(did you mean "seed"\?\)/,
    );
    expect(problem(minimal.replace('depth: 2', 'depth: 2\n  deth: 3'))).toMatch(
      /^c\.yaml:14:3: method\.deth: unknown key \(did you mean "depth"\?\); allowed: method, /,
    );
  });

  it('has a wrong type', () => {
    expect(problem(minimal.replace('epochs: 2', 'epochs: two'))).toBe(
      'c.yaml:8:3: train.epochs: must be a number, not "two"',
    );
    expect(problem(minimal.replace('epochs: 2', 'epochs: 2.5'))).toBe(
      'c.yaml:8:3: train.epochs: must be a whole number, not 2.5',
    );
    expect(problem(minimal.replace('epochs: 2', 'epochs: 0'))).toBe(
      'c.yaml:8:3: train.epochs: must be at least 1, not 0',
    );
    expect(problem(minimal.replace(/data:\n.*\n/, 'data: [cifar10]\n'))).toBe(
      'c.yaml:2:1: data: must be a map, not a list',
    );
    expect(problem(minimal.replace(/data:\n.*\n/, 'data: cifar10\n'))).toBe(
      'c.yaml:2:1: data: must be a map, not "cifar10": write { name: cifar10 }',
    );
    expect(problem(minimal.replace(/data:\n.*\n/, 'data: my photos\n'))).toBe(
      'c.yaml:2:1: data: must be a map, not "my photos"',
    );
    expect(problem('- just\n- a list\n')).toBe('c.yaml:1:1: must be a map, not a list');
  });

  it('has a value that is none of the allowed', () => {
    expect(problem(minimal.replace('fashion-mnist', 'fashion_minst'))).toBe(
      'c.yaml:3:3: data.name: must be one of fashion-mnist, cifar10, cifar100, svhn, stl10, imagenet, folder, csv, parquet, not "fashion_minst" (did you mean "fashion-mnist"?)',
    );
    expect(problem(minimal, ['method.method=auglocl'])).toMatch(
      /^c\.yaml: --set method\.method=auglocl: method\.method: must be one of bp, .*auglocal.*, not "auglocl" \(did you mean "auglocal"\?\)$/,
    );
    expect(problem(`${minimal}engine: gpu\n`)).toMatch(/^c\.yaml:14:1: engine: must be one of auto, .*torch/);
    expect(problem(minimal.replace('layers: 8', 'layers: 9'))).toMatch(
      /^c\.yaml:6:3: network\.layers: must be 6m\+2/,
    );
  });

  it('has a value of none of the ways to write it', () => {
    expect(problem(minimal, ['parallel=null'])).toBe(
      'c.yaml: --set parallel=null: parallel: must be data, or a map, not null',
    );
    expect(problem(minimal, ['parallel={ blocks: 2, cuts: 3 }'])).toBe(
      'c.yaml: --set parallel={ blocks: 2, cuts: 3 }: parallel.cuts: must be balanced, or a list, not 3',
    );
    // The one that looks into it was meant.
    expect(problem(minimal, ['parallel={ blocks: 2, cuts: [x] }'])).toMatch(
      /parallel\.cuts\.0: must be a number, not "x"$/,
    );
  });

  it('lacks a value, a method, or has both kinds of method', () => {
    expect(problem(minimal.replace('  epochs: 2\n', ''))).toBe(
      'c.yaml:7:1: train.epochs: missing; must be a number',
    );
    expect(problem(minimal.replace(/method:\n[^]*$/, ''))).toMatch(
      /must have either "method" .* or "methods"/,
    );
    expect(problem(`${minimal}methods: [{ method: bp }]\n`)).toMatch(
      /must have either "method" .* or "methods"/,
    );
    expect(problem(minimal, ['method={}'])).toMatch(/method\.method: missing; must be one of bp, /);
  });

  it('has several problems: a line for each', () => {
    const lines = problem(minimal.replace('epochs', 'epoch').replace('layers: 8', 'layers: eight')).split(
      '\n',
    );
    expect(lines).toHaveLength(3);
    expect(lines.every((line) => line.startsWith('c.yaml:'))).toBe(true);
  });

  it('is not YAML: the place of the mistake', () => {
    expect(problem('name: tiny\ntrain: [1,\nb: 2\n')).toMatch(/^c\.yaml:3:1: \S.*$/);
    expect(problem('name: a\nname: b\n')).toMatch(/^c\.yaml:2:1: Map keys must be unique$/);
    expect(problem('name: *nowhere\n')).toMatch(/^c\.yaml: Unresolved alias/);
    expect(problem('')).toBe('c.yaml: the config is empty');
  });

  it('is not there', async () => {
    await expect(loadConfig('/nowhere/c.yaml')).rejects.toThrow(UserError);
    await expect(loadConfig('/nowhere/c.yaml')).rejects.toThrow(
      /^\/nowhere\/c\.yaml: cannot read the config: ENOENT/,
    );
    await expect(loadConfig(tmpdir())).rejects.toThrow(
      `${tmpdir()}: cannot read the config: it is a folder, name a YAML file in it`,
    );
  });
});

describe('whatever the document', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locallearn-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Either a config or a UserError with whole lines. */
  function judge(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      for (const line of (error as UserError).message.split('\n')) expect(line).toMatch(/^\P{Cc}+$/u);
    }
  }

  it('any YAML value gives a config or a UserError', () => {
    const keys = fc.constantFrom(
      'name',
      'seed',
      'data',
      'network',
      'train',
      'method',
      'methods',
      'epochs',
      'depth',
      'layers',
      'blocks',
      'plugins',
      'path',
      'auxiliary',
      'loss',
      'weight',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue(),
        fc.constantFrom(
          'bp',
          'man',
          'custom',
          'sampled',
          'contrast',
          'resnet',
          'cifar10',
          Number.NaN,
          Infinity,
          -0,
        ),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(keys, fc.string()), tie('tree'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => judge(() => parseConfig(stringify(value), 'c.yaml'))),
      { numRuns: 150 },
    );
  });

  it('any text, and any text in place of a part of a good config, gives a config or a UserError', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[-:{}[\]&*!|>'"%@`#,? \na]*$/),
    );
    fc.assert(
      fc.property(text, fc.nat(minimal.length), fc.nat(20), (junk, at, cut) => {
        judge(() => parseConfig(junk, 'c.yaml'));
        judge(() => parseConfig(minimal.slice(0, at) + junk + minimal.slice(at + cut), 'c.yaml'));
        judge(() => parseConfig(minimal, 'c.yaml', [junk, `train.epochs=${junk}`, `${junk}=1`]));
      }),
      { numRuns: 150 },
    );
  });

  it('bytes that are no text give a UserError', async () => {
    const path = join(folder, 'bytes.yaml');
    writeFileSync(
      path,
      Uint8Array.from({ length: 256 }, (_, i) => i),
    );
    await expect(loadConfig(path)).rejects.toThrow(UserError);
  });
});

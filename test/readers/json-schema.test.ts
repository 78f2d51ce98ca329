import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { askReader, describeReaders } from '../support/python.js';
import { trainedRun } from './run.js';

const root = join(import.meta.dirname, '../..');

describeReaders('Python’s jsonschema', () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'locallearn-schemas-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  function errors(
    schema: string,
    documents: readonly (readonly [name: string, document: unknown])[],
  ): Record<string, string | null> {
    const path = join(folder, 'documents.json');
    writeFileSync(path, JSON.stringify(documents));
    return askReader('schema_errors.py', [join(root, 'schemas', schema), path]) as Record<
      string,
      string | null
    >;
  }

  it('takes every config that is shipped, and those of plugins', () => {
    const files = ['configs', 'experiments/examples'].flatMap((within) =>
      readdirSync(join(root, within), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.yaml'))
        .map((file) => join(within, file)),
    );
    expect(files.length).toBeGreaterThan(200);
    const found = errors(
      'config.json',
      files.map((file) => [file, parse(readFileSync(join(root, file), 'utf8'))]),
    );
    expect(Object.entries(found).filter(([, error]) => error !== null)).toEqual([]);
  });

  it.each([
    ['a key that there is not', { trian: {} }],
    ['one of a section', { train: { epoch: 3 } }],
    ['an option of another network', { network: { name: 'vgg', patchSize: 4 } }],
    ['a value of another type', { train: { epochs: '3' } }],
    ['a method’s wrong option', { method: { method: 'auglocal', dept: 2 } }],
  ])('refuses %s', (name, document) => {
    expect(errors('config.json', [[name, document]])[name]).toEqual(expect.any(String));
  });

  it.each([
    ['short forms', { extends: ['a.yaml', 'b.yaml'], train: { optimizer: 'adamw', schedule: 'cosine' } }],
    ['weights', { network: { name: 'resnet', layers: 8, weights: 'a.safetensors' } }],
    ['a part that a base completes', { network: { layers: 110 }, train: { epochs: 3 } }],
  ])('takes %s', (name, document) => {
    expect(errors('config.json', [[name, document]])[name]).toBeNull();
  });

  it('takes the summary of a run, and not one that lacks its status', async () => {
    const run = await trainedRun(folder, '{ method: bp }');
    const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as object;
    const found = errors('summary.json', [
      ['whole', summary],
      ['without', { ...summary, status: undefined }],
    ]);
    expect(found['whole']).toBeNull();
    expect(found['without']).toMatch(/'status' is a required property/);
  });
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { loadConfig, parseConfig } from '../../src/config/config.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { createRunFolder, type RunConfig } from '../../src/runs/folder.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { epochMetrics, runResult } from './helpers.js';

const parsed = parseConfig(
  `{ name: tiny, seed: 7, data: { name: cifar10 }, network: { name: resnet, layers: 8 },
     train: { epochs: 1, batchSize: 8, learningRate: 0.1 }, method: { method: bp, label: 'a/b c' } }`,
  'c.yaml',
);
const config: RunConfig = { ...parsed, method: parsed.method! };
const now = new Date('2026-01-02T03:04:05.678Z');

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'locallearn-runs-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

it('is named after time, config, method and seed, and never reuses a folder', () => {
  const names = [1, 2, 3].map(() => {
    const folder = createRunFolder(
      join(parent, 'deep', 'er'),
      config,
      { updates: [], evaluatedOn: 'test' },
      now,
    );
    folder.close();
    return basename(folder.path);
  });
  const name = '2026-01-02T03-04-05-tiny-a-b-c-s7';
  expect(names).toEqual([name, `${name}-2`, `${name}-3`]);
});

it('holds the config, which trains the same run again, and empty metrics from the start', async () => {
  const folder = createRunFolder(parent, config, { updates: ['head'], evaluatedOn: 'test' }, now);
  folder.close();
  expect((await loadConfig(join(folder.path, 'config.yaml'))).config).toEqual(parsed);
  expect(readMetrics(join(folder.path, 'metrics.csv'))).toEqual([]);
  expect(existsSync(join(folder.path, 'summary.json'))).toBe(false);
});

it('holds metrics, weights, summary and a log that is complete at every moment', () => {
  const folder = createRunFolder(parent, config, { updates: ['head'], evaluatedOn: 'test' }, now);
  folder.log.info({ epoch: 1 }, 'epoch');
  const log = readFileSync(join(folder.path, 'log.jsonl'), 'utf8').trimEnd().split('\n');
  expect(log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 30, epoch: 1, msg: 'epoch' },
  ]);
  const epochs = [1, 2].map((epoch) =>
    epochMetrics(epoch, { updateLosses: { head: 1 }, updatePeakBytes: { head: 2 } }),
  );
  folder.writeMetrics(epochs);
  folder.writeWeights(new Map([['fc.bias', { shape: [2], values: Float32Array.of(1, 2) }]]), {
    classes: '[]',
  });
  folder.writeSummary({ status: 'interrupted', ...runResult() });
  folder.close();
  expect(readMetrics(join(folder.path, 'metrics.csv'))).toEqual(epochs);
  expect([...readSafetensors(join(folder.path, 'weights.safetensors')).tensors.keys()]).toEqual(['fc.bias']);
  expect(readRunSummary(join(folder.path, 'summary.json')).status).toBe('interrupted');
  expect(readdirSync(folder.path).sort()).toEqual([
    'config.yaml',
    'log.jsonl',
    'metrics.csv',
    'summary.json',
    'weights.safetensors',
  ]);
});

it('is refused where it cannot be made', () => {
  writeFileSync(join(parent, 'file'), '');
  expect(() =>
    createRunFolder(join(parent, 'file', 'runs'), config, { updates: [], evaluatedOn: 'test' }, now),
  ).toThrow(UserError);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readRunRecord, type RunRecord } from '../../src/report/run-record.js';
import { sectionsOf } from '../../src/report/series.js';
import { epochsOf, writeRun, type WrittenRun } from './folders.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-series-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function records(...runs: WrittenRun[]): RunRecord[] {
  return runs.map((run, i) => readRunRecord(writeRun(join(folder, String(i)), run)));
}

it('makes a series of the seeds of a method, with their mean and deviation, BP first', () => {
  const [section, ...others] = sectionsOf(
    records(
      { label: 'local', method: 'greedy', seed: 1, epochs: epochsOf([0.2, 0.5]) },
      {
        label: 'local',
        method: 'greedy',
        seed: 2,
        epochs: epochsOf([0.2, 0.7], () => ({ peakMemoryBytes: 5e8 })),
      },
      { label: 'bp', seed: 1, epochs: epochsOf([0.8]) },
    ),
  );
  expect(others).toEqual([]);
  expect(section!.series.map(({ label, runs }) => [label, runs.length])).toEqual([
    ['bp', 1],
    ['local', 2],
  ]);
  expect(section!.baseline?.label).toBe('bp');
  const { figures } = section!.series[1]!;
  expect(figures?.accuracy).toBeCloseTo(0.6, 12);
  expect(figures?.accuracyDeviation).toBeCloseTo(Math.SQRT2 / 10, 12);
  expect(figures?.peakMemoryBytes).toBe(5e8);
});

it('counts finished runs, or, where none is, those that trained', () => {
  const [section] = sectionsOf(
    records(
      { seed: 1, epochs: epochsOf([0.9]) },
      { seed: 2, epochs: epochsOf([0.1]), status: 'failed' },
      { label: 'g', method: 'greedy', epochs: epochsOf([0.3]), status: 'interrupted' },
      { label: 'n', method: 'dgl', status: 'failed' },
    ),
  );
  expect(section!.series.map(({ figures }) => figures?.accuracy)).toEqual([0.9, 0.3, undefined]);
  expect(section!.series[0]!.figures?.accuracyDeviation).toBeUndefined();
});

it('has no baseline where no run of BP has finished an epoch', () => {
  const [section] = sectionsOf(
    records({ status: 'failed' }, { label: 'g', method: 'greedy', epochs: epochsOf([0.3]) }),
  );
  expect(section!.baseline).toBeUndefined();
});

it('keeps apart what cannot be compared, and gives a label one style everywhere', () => {
  const deep = { network: { name: 'resnet', depth: 32 } };
  const sections = sectionsOf(
    records(
      { label: 'a', method: 'greedy', epochs: epochsOf([0.5]) },
      { label: 'b', method: 'dgl', config: deep },
      { label: 'a', method: 'greedy', config: deep },
      { label: 'a', method: 'greedy', config: { engine: 'wasm' } },
    ),
  );
  expect(sections.map(({ title, series }) => [title, series.map(({ label }) => label)])).toEqual([
    ['resnet-8 on fashion-mnist, batch size 16, engine "torch"', ['a']],
    ['resnet-32 on fashion-mnist, batch size 16', ['b', 'a']],
    ['resnet-8 on fashion-mnist, batch size 16, engine "wasm"', ['a']],
  ]);
  const styles = sections.flatMap(({ series }) =>
    series.filter(({ label }) => label === 'a').map(({ style }) => style),
  );
  expect(new Set(styles.map((style) => JSON.stringify(style))).size).toBe(1);
});

it('tells series of one label by what is their own', () => {
  const train = { epochs: 3, batchSize: 16 };
  const [section] = sectionsOf(
    records(
      { config: { train: { ...train, learningRate: 0.1 } } },
      { config: { train: { ...train, learningRate: 0.05, workers: 2 } } },
      { seed: 2, config: { name: 'other', train: { ...train, learningRate: 0.05, workers: 4 } } },
    ),
  );
  expect(section!.series.map(({ label, runs }) => [label, runs.length])).toEqual([
    ['bp (train.learningRate 0.1)', 1],
    ['bp (train.learningRate 0.05)', 2],
  ]);
});

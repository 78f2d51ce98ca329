import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { identityOf } from '../../src/data/identity.js';
import { dataPathOf, writeRunData } from '../../src/runs/data.js';
import { readRunRecord, type RunRecord } from '../../src/report/run-record.js';
import { sectionsOf } from '../../src/report/series.js';
import { noiseSplit } from '../data/helpers.js';
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
  expect(section!.series.map(({ baseline }) => baseline?.label)).toEqual(['bp', 'bp']);
  const { figures } = section!.series[1]!;
  expect(figures?.accuracy).toBeCloseTo(0.6, 12);
  expect(figures?.accuracyDeviation).toBeCloseTo(Math.SQRT2 / 10, 12);
  expect(figures?.peakMemory).toEqual({
    mean: 4.5e8,
    deviation: expect.closeTo(1e8 / Math.SQRT2, 3) as number,
  });
});

it('counts one run of a setting and seed, the one that was written last', () => {
  const runs = records(
    { seed: 1, epochs: epochsOf([0.9]) },
    { seed: 1, epochs: epochsOf([0.7]) },
    { seed: 2, epochs: epochsOf([0.5]) },
  );
  const at = (run: RunRecord, seconds: number): RunRecord => ({
    ...run,
    lastWrite: new Date(1000 * seconds),
  });
  const [section] = sectionsOf([at(runs[0]!, 2), at(runs[1]!, 1), at(runs[2]!, 0)]);
  const { figures, counted } = section!.series[0]!;
  expect(counted.map(({ epochs }) => epochs[0]!.evaluationAccuracy)).toEqual([0.9, 0.5]);
  expect(figures?.accuracy).toBeCloseTo(0.7, 12);
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
  expect(section!.series.every(({ baseline }) => baseline === undefined)).toBe(true);
});

it('keeps apart what cannot be compared, and gives a label one style everywhere', () => {
  const deep = { network: { name: 'resnet', layers: 32 } };
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
    ['bp (learningRate 0.1)', 1],
    ['bp (learningRate 0.05)', 2],
  ]);
});

it('sets series against BP as such, trained with the same settings', () => {
  const train = { epochs: 3, batchSize: 16 };
  const rates = [0.1, 0.05].map((learningRate) => ({ ...train, learningRate }));
  const trained = { epochs: epochsOf([0.5]) };
  const checkpointing = { method: 'bp', label: 'bp+checkpointing', recompute: 'units' };
  const [section] = sectionsOf(
    records(
      { ...trained, label: 'bp+checkpointing', config: { train: rates[0], method: checkpointing } },
      { ...trained, label: 'bp', config: { train: rates[0] } },
      { ...trained, label: 'greedy', method: 'greedy', config: { train: rates[0] } },
      { ...trained, label: 'dgl', method: 'dgl', config: { train: rates[1] } },
      { ...trained, label: 'whole', config: { train: rates[1] } },
      { ...trained, label: 'man', method: 'man', config: { train: { ...train, learningRate: 1 } } },
    ),
  );
  expect(section!.series.map(({ label, baseline }) => [label, baseline?.label])).toEqual([
    ['bp+checkpointing', 'bp'],
    ['bp', 'bp'],
    ['whole', 'whole'],
    ['greedy', 'bp'],
    ['dgl', 'whole'],
    ['man', undefined],
  ]);
});

it('has no baseline where BP recomputes or accumulates', () => {
  const trained = { epochs: epochsOf([0.5]) };
  const checkpointing = { method: 'bp', recompute: 'units' };
  for (const method of [checkpointing, { method: 'bp', accumulate: 2 }]) {
    const runs = [{ config: { method } }, { label: 'g', method: 'greedy' }].map((run) => ({
      ...trained,
      ...run,
    }));
    const [section] = sectionsOf(records(...runs));
    expect(section!.series.map(({ baseline }) => baseline)).toEqual([undefined, undefined]);
    rmSync(join(folder, '0'), { recursive: true });
    rmSync(join(folder, '1'), { recursive: true });
  }
});

/** A run on a folder, which recorded that it has so many images, or, as older versions, nothing. */
function onFolder(name: string, dir: string, images: number | undefined): RunRecord {
  const path = writeRun(join(folder, name), { config: { data: { name: 'folder', dir } } });
  const split = noiseSplit(images ?? 0, 4, 2);
  const identity = identityOf({
    ...{ classes: ['a', 'b'], imageShape: [4, 4, 3], mean: [0], std: [1], train: split, test: split },
  });
  if (images !== undefined) writeRunData(dataPathOf(path), identity);
  return readRunRecord(path);
}

it('makes a section of its own of runs on other data, whatever the paths', () => {
  const runs = [onFolder('0', '/a', 4), onFolder('1', '/b', 4), onFolder('2', '/a', 6)];
  const sections = sectionsOf(runs);
  expect(sections.map(({ series }) => series.map((each) => each.runs.length))).toEqual([[2], [1]]);
  expect(sections[0]!.title).toMatch(/, content "4 training images of a, b \([0-9a-f]{8}\)"$/);
});

it('counts runs that recorded no data with those of the same path, where that tells', () => {
  const foldersOf = (...runs: RunRecord[]): string[] =>
    sectionsOf(runs).map(({ series }) => series.flatMap((each) => each.runs.map((run) => run.name)).join());
  const [old, oldElsewhere] = [onFolder('old', '/a', undefined), onFolder('elsewhere', '/b', undefined)];
  const [four, six] = [onFolder('four', '/a', 4), onFolder('six', '/a', 6)];
  expect(foldersOf(old, oldElsewhere)).toEqual(['old', 'elsewhere']);
  expect(foldersOf(old, oldElsewhere, four)).toEqual(['old,four', 'elsewhere']);
  expect(foldersOf(old, four, six)).toEqual(['old', 'four', 'six']);
});

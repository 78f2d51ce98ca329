import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findRunFolders } from '../../src/runs/find.js';
import { readReport } from '../../src/report/read-report.js';
import { readRunRecord } from '../../src/report/run-record.js';
import { epochsOf, writeRun } from './folders.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-report-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

it('finds a run folder, and those in folders of comparisons, each once', () => {
  const runs = [writeRun(at('a', 'run 1')), writeRun(at('a', 'run 2')), writeRun(at('b'))];
  mkdirSync(at('empty'));
  symlinkSync(folder, at('a', 'loop'));
  expect(findRunFolders([folder])).toEqual(runs);
  expect(findRunFolders([runs[1]!])).toEqual([runs[1]]);
  expect(findRunFolders([at('a'), runs[0]!, folder]).sort()).toEqual(runs);
  expect(findRunFolders([at('empty')])).toEqual([]);
  expect(() => findRunFolders([at('none')])).toThrow(/none: cannot read the folder/);
  expect(() => findRunFolders([at('b', 'metrics.csv')])).toThrow(/metrics.csv: not a folder/);
});

it('tells how each run ended', () => {
  const status = (name: string, run: Parameters<typeof writeRun>[1]): unknown =>
    readRunRecord(writeRun(at(name), run)).status;
  expect(status('finished', {})).toBe('finished');
  expect(status('interrupted', { status: 'interrupted' })).toBe('interrupted');
  expect(status('open', { status: 'open' })).toBe('open');
  const failed = readRunRecord(writeRun(at('failed'), { status: 'failed', error: 'no memory' }));
  expect(failed).toMatchObject({ status: 'failed', error: 'no memory' });
});

it('leaves out a run whose method was another one of the same name', () => {
  const old = writeRun(at('old'), { method: 'mlaan', config: { method: { method: 'mlaan', blocks: 2 } } });
  const now = writeRun(at('now'), {
    method: 'mlaan',
    config: { method: { method: 'mlaan', blocks: 2, momentumUpdates: 'published' } },
  });
  const { runs, unreadable } = readReport([folder]);
  expect(runs.map((run) => run.folder)).toEqual([now]);
  expect(unreadable.map((run) => run.folder)).toEqual([old]);
  expect(unreadable[0]!.message).toContain('is another method');
});

it('takes a run that was started again after its interruption for one that goes on', () => {
  writeRun(at('again'), { status: 'interrupted', epochs: epochsOf([0.5]) });
  const start = {
    method: 'bp',
    label: 'bp',
    blocks: 1,
    seed: 1,
    engine: 'torch',
    memoryMeter: 'cpu-allocator',
  };
  const line = {
    ...start,
    time: '2026-01-03T00:00:00Z',
    engineDescription: 'x',
    dataset: 'y',
    msg: 'resume',
  };
  appendFileSync(at('again', 'log.jsonl'), `${JSON.stringify(line)}\n{"type":"epoch-start","ep`);
  const { status, log } = readRunRecord(at('again'));
  expect(status).toBe('open');
  expect(log.starts).toHaveLength(2);
});

it('reads runs without a log', () => {
  writeRun(at('old'), { epochs: epochsOf([0.5, 0.6]) });
  rmSync(at('old', 'log.jsonl'));
  utimesSync(at('old', 'metrics.csv'), 1e6, 1e6);
  expect(readRunRecord(at('old'))).toMatchObject({
    status: 'finished',
    identity: { memoryMeter: 'cpu-allocator' },
    lastWrite: new Date(1e9),
  });
});

it('reads what it can and names what it cannot', () => {
  writeRun(at('good'));
  writeRun(at('bad config'), { config: { train: {} } });
  writeRun(at('bad metrics'));
  writeFileSync(at('bad metrics', 'metrics.csv'), 'epoch\n1\n');
  writeRun(at('bad summary'));
  writeFileSync(at('bad summary', 'summary.json'), '{');
  const { runs, unreadable } = readReport([folder]);
  expect(runs.map(({ name }) => name)).toEqual(['good']);
  expect(unreadable.map(({ message }) => message)).toEqual([
    expect.stringMatching(/bad config\/config.yaml: train.epochs: missing/),
    expect.stringMatching(/bad metrics\/metrics.csv: not a metrics file/),
    expect.stringMatching(/bad summary\/summary.json: cannot read the summary/),
  ]);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { accuracyByOption } from '../../src/report/option-plots.js';
import { readRunRecord } from '../../src/report/run-record.js';
import { sectionsOf } from '../../src/report/series.js';
import { epochsOf, writeRun } from './folders.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-options-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A run of a sweep. */
function run(accuracy: number, learningRate: number, depth: number, seed = 1) {
  return {
    ...{ label: 'auglocal', method: 'auglocal', seed, epochs: epochsOf([0.1, accuracy]) },
    config: {
      train: { epochs: 2, batchSize: 16, learningRate, workers: seed },
      method: { method: 'auglocal', depth },
    },
  };
}

function chartsOf(...runs: Parameters<typeof writeRun>[1][]) {
  const records = runs.map((each, i) => readRunRecord(writeRun(join(folder, String(i)), each)));
  return sectionsOf(records).flatMap(accuracyByOption);
}

it('draws accuracy over each option of a sweep, a line for each combination of the others', () => {
  const charts = chartsOf(
    run(0.5, 0.1, 1),
    run(0.25, 0.02, 1, 1),
    run(0.75, 0.02, 1, 2),
    run(0.875, 0.1, 2),
    run(0.625, 0.02, 2),
    { epochs: epochsOf([0.3]) },
  );
  expect(charts.map(({ title, data }) => [title, ...data])).toEqual([
    [
      'Accuracy over learningRate',
      ['line', 'learningRate', 'test accuracy, %'],
      ['auglocal (depth 1)', '0.02', 50],
      ['auglocal (depth 1)', '0.1', 50],
      ['auglocal (depth 2)', '0.02', 62.5],
      ['auglocal (depth 2)', '0.1', 87.5],
    ],
    [
      'Accuracy over depth',
      ['line', 'depth', 'test accuracy, %'],
      ['auglocal (learningRate 0.1)', '1', 50],
      ['auglocal (learningRate 0.1)', '2', 87.5],
      ['auglocal (learningRate 0.02)', '1', 50],
      ['auglocal (learningRate 0.02)', '2', 62.5],
    ],
  ]);
});

it('draws nothing of runs that differ in more than one option, in none, or in words', () => {
  expect(chartsOf(run(0.5, 0.1, 1), run(0.5, 0.2, 2), run(0.6, 0.2, 2, 2))).toEqual([]);
});

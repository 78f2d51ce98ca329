import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { readComparison, readRunSummary, resultOf } from '../../src/runs/summary.js';
import { epochMetrics, runResult } from './helpers.js';

const { method, label, blocks, seed, engine, memoryMeter } = runResult();
const identity = { method, label, blocks, seed, engine, memoryMeter };

describe('the result of a run', () => {
  it('has the last and the best accuracy, the highest peaks, and all images over all training seconds', () => {
    const epochs = [
      epochMetrics(1, {
        evaluationAccuracy: 0.7,
        peakMemoryBytes: 5,
        imagesPerSecond: 100,
        trainSeconds: 30,
        skippedImages: 3,
      }),
      epochMetrics(2, {
        evaluationAccuracy: 0.6,
        peakMemoryBytes: 4,
        imagesPerSecond: 200,
        trainSeconds: 10,
      }),
    ];
    expect(resultOf(identity, epochs)).toEqual({
      ...identity,
      accuracy: 0.6,
      bestAccuracy: 0.7,
      bestEpoch: 1,
      peakMemoryBytes: 5,
      reservedMemoryBytes: 5e8,
      imagesPerSecond: (100 * 30 + 200 * 10) / 40,
      seconds: 44,
      secondsPerEpoch: 22,
      epochs: 2,
      skippedImages: 3,
    });
  });

  it('is not there before the first epoch', () => {
    expect(resultOf(identity, [])).toBeUndefined();
  });
});

describe('summary.json', () => {
  let folder: string;
  let path: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locallearn-summary-'));
    path = join(folder, 'summary.json');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read back, with and without a result', () => {
    const finished = { status: 'finished' as const, ...runResult() };
    writeFileSync(path, JSON.stringify(finished));
    expect(readRunSummary(path)).toEqual(finished);
    const failed = { status: 'failed' as const, error: 'the loss of head is NaN', ...identity };
    writeFileSync(path, JSON.stringify(failed));
    expect(readRunSummary(path)).toEqual(failed);
    writeFileSync(path, JSON.stringify({ runs: [runResult()] }));
    expect(readComparison(path)).toEqual([runResult()]);
  });

  it('is refused where it is damaged, with the place', () => {
    for (const text of ['{', 'null', '{"runs": [{}]}']) {
      writeFileSync(path, text);
      expect(() => readComparison(path)).toThrow(UserError);
      expect(() => readRunSummary(path)).toThrow(UserError);
    }
    writeFileSync(path, JSON.stringify({ runs: [{ ...runResult(), accuracy: 81.25 }] }));
    expect(() => readComparison(path)).toThrow(
      /summary\.json: runs\.0\.accuracy: must be at most 1, not 81\.25/,
    );
    expect(() => readComparison(join(folder, 'none'))).toThrow(/cannot read the summary/);
  });
});

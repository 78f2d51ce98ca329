import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { readMetrics, writeMetrics, type MetricsColumns } from '../../src/runs/metrics.js';
import { epochMetrics } from './helpers.js';

const onTest = (...updates: string[]): MetricsColumns => ({ updates, evaluatedOn: 'test' });

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-metrics-'));
  path = join(folder, 'metrics.csv');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('metrics.csv', () => {
  it('has a header and a row for each epoch', () => {
    writeMetrics(path, onTest('block 1', 'head'), []);
    expect(readFileSync(path, 'utf8')).toBe(
      'epoch,learningRate,trainLoss,testLoss,testAccuracy,imagesPerSecond,trainSeconds,evaluationSeconds,dataWaitSeconds,skippedImages,' +
        'peakMemoryBytes,reservedMemoryBytes,loss:block 1,loss:head,peak:block 1,peak:head,accuracy:block 1,accuracy:head\n',
    );
    expect(readMetrics(path)).toEqual([]);
    const updates = {
      updateLosses: { 'block 1': 2, head: 1.5 },
      updatePeakBytes: { 'block 1': 10, head: 20 },
    };
    writeMetrics(path, onTest('block 1', 'head'), [epochMetrics(1, updates), epochMetrics(2, updates)]);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(3);
  });

  it('gives back what was written, whatever the numbers and the names of the updates', () => {
    const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0);
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 4 });
    fc.assert(
      fc.property(names, fc.array(value, { minLength: 5, maxLength: 5 }), (updates, [a, b, c, d, e]) => {
        const byUpdate = (x: number): Record<string, number> =>
          Object.fromEntries(updates.map((name) => [name, x]));
        const epochs = [1, 2].map((epoch) =>
          epochMetrics(epoch, {
            trainLoss: a!,
            evaluationLoss: epoch === 1 ? b! : Infinity,
            updateLosses: byUpdate(c!),
            updatePeakBytes: byUpdate(d!),
            // Every other update has nothing to classify with.
            updateAccuracies: Object.fromEntries(
              updates.filter((_, i) => i % 2 === 0).map((name) => [name, e!]),
            ),
          }),
        );
        writeMetrics(path, onTest(...updates), epochs);
        expect(readMetrics(path)).toEqual(epochs);
      }),
    );
  });

  it('has a last column of top-5 accuracy where there is any, empty for epochs of an earlier version', () => {
    const epochs = [epochMetrics(1), epochMetrics(2, { evaluationTop5: 0.75 })];
    writeMetrics(path, { ...onTest(), top5: true }, epochs);
    const [header, first, second] = readFileSync(path, 'utf8').split('\n');
    expect(header!.endsWith(',testTop5')).toBe(true);
    expect([first!.endsWith(','), second!.endsWith(',0.75')]).toEqual([true, true]);
    expect(readMetrics(path).map(({ evaluationTop5 }) => evaluationTop5)).toEqual([undefined, 0.75]);
    writeMetrics(path, { ...onTest(), top5: true, averaged: true, evaluatedOn: 'validation' }, epochs);
    expect(readFileSync(path, 'utf8')).toContain(',validationTop5Averaged\n');
    expect(readMetrics(path)[1]!.evaluationTop5).toBe(0.75);
  });

  it('of an earlier version, without accuracies of the updates, is read', () => {
    const epoch = epochMetrics(1, { updateLosses: { head: 1 }, updatePeakBytes: { head: 2 } });
    writeMetrics(path, onTest('head'), [epoch]);
    const cut = readFileSync(path, 'utf8').replaceAll(/,[^,]*$/gm, '');
    expect(cut).not.toContain('accuracy:');
    writeFileSync(path, `${cut}\n`);
    expect(readMetrics(path)).toEqual([epoch]);
  });

  it('names what was evaluated, and one that called a validation split `test` is read as before', () => {
    const epochs = [epochMetrics(1, { evaluationLoss: Infinity }), epochMetrics(2)];
    writeMetrics(path, { updates: [], evaluatedOn: 'validation' }, epochs);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/^epoch,learningRate,trainLoss,validationLoss,validationAccuracy,imagesPerSecond,/);
    expect(readMetrics(path)).toEqual(epochs);
    writeFileSync(path, text.replaceAll('validation', 'test'));
    expect(readMetrics(path)).toEqual(epochs);
    writeFileSync(path, text.replace('validationLoss', 'testLoss'));
    expect(() => readMetrics(path)).toThrow(/the column "validationLoss" is missing/);
    writeMetrics(path, { updates: [], evaluatedOn: 'validation', averaged: true }, epochs);
    expect(readFileSync(path, 'utf8')).toMatch(/,validationLossAveraged,validationAccuracyAveraged,/);
    expect(readMetrics(path)).toEqual(epochs);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['a missing column', (text) => text.replace('testLoss,', 'loss,'), /the column "testLoss" is missing/],
    [
      'a cell that is no number',
      (text) => text.replace('0.125', 'x'),
      /row 1: "x" is not a number for the column/,
    ],
    ['an empty cell', (text) => text.replace('0.125', ''), /row 1: "" is not a number/],
    ['a count that is infinite', (text) => text.replace('0.125', 'Infinity'), /"Infinity" is not a number/],
    ['half a row', (text) => text.slice(0, -40), /cannot read the metrics/],
    ['an epoch missing', (text) => text.replace(/\n1,.*/, ''), /row 1: epoch 2 instead of 1/],
    ['nothing at all', () => '', /not a metrics file/],
    ['an open quote', (text) => `${text}"`, /cannot read the metrics/],
  ])('is refused with %s', (_, damage, message) => {
    writeMetrics(path, onTest(), [epochMetrics(1, { learningRate: 0.125 }), epochMetrics(2)]);
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    expect(() => readMetrics(path)).toThrow(UserError);
    expect(() => readMetrics(path)).toThrow(message);
  });
});

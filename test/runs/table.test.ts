import { describe, expect, it } from 'vitest';
import { markdownTable, textTable } from '../../src/core/table.js';
import { formatSeconds } from '../../src/core/text.js';
import { csvTable, resultTable } from '../../src/runs/table.js';
import { runResult } from './helpers.js';

const results = [
  runResult(),
  runResult({
    method: 'auglocal',
    label: 'auglocal',
    blocks: 14,
    ...{ accuracy: 0.8, bestAccuracy: 0.83, bestEpoch: 7 },
    peakMemoryBytes: 1.2e8,
    imagesPerSecond: 65.55,
    seconds: 3675,
  }),
];

describe('a table wider than the terminal', () => {
  it('has lines of its own for each row', () => {
    const table = {
      header: ['method', 'peak memory'],
      rows: [
        ['bp', '25.7 MB'],
        ['two blocks', '39.2 MB'],
      ],
    };
    expect(textTable(table, 23)).toBe(textTable(table, Infinity));
    expect(textTable(table, 22)).toBe(
      'method       bp\npeak memory  25.7 MB\n\nmethod       two blocks\npeak memory  39.2 MB\n',
    );
  });
});

describe('the comparison table', () => {
  it('does not call accuracies on held-out training images test accuracies', () => {
    const held = results.map((result) => ({ ...result, evaluatedOn: 'validation' as const }));
    expect(resultTable(held).header[2]).toBe('validation accuracy, last epoch');
    expect(resultTable([results[0]!, held[1]!]).header[2]).toBe('test/validation accuracy, last epoch');
    const averaged = results.map((result) => ({ ...result, weights: 'averaged' as const }));
    expect(resultTable(averaged).header[2]).toBe('test (averaged weights) accuracy, last epoch');
    expect(csvTable(averaged)).toContain(',test (averaged weights),');
  });

  it('is aligned text for a terminal', () => {
    expect(textTable(resultTable(results)).split('\n')).toEqual([
      'method    blocks  test accuracy, last epoch   − BP   best epoch  peak memory (cpu-allocator)  × BP  images/s     time',
      '────────  ──────  ─────────────────────────  ─────  ───────────  ───────────────────────────  ────  ────────  ───────',
      'bp             1                    81.25 %   0.00            –                       400 MB  1.00       187     1:15',
      'auglocal      14                    80.00 %  −1.25  83.00 % (7)                       120 MB  0.30      65.5  1:01:15',
      '',
    ]);
  });

  it('is a Markdown table, whatever the labels', () => {
    const odd = [...results, runResult({ method: 'man', label: 'a|b' })];
    const lines = markdownTable(resultTable(odd)).trimEnd().split('\n');
    expect(lines[1]).toMatch(/^\| -+ \| -+: \|/);
    expect(lines.at(-1)).toMatch(/^\| a\\\|b /);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });

  it('has several seeds as mean and sample standard deviation, beside the mean of BP', () => {
    const seeds = [
      ...[0.8, 0.82, 0.84].map((accuracy, seed) =>
        runResult({ accuracy, seed, bestAccuracy: accuracy + 0.01, bestEpoch: seed + 3 }),
      ),
      ...[0.7, 0.74].map((accuracy, seed) =>
        runResult({ method: 'man', label: 'man', accuracy, seed, peakMemoryBytes: 1e8 }),
      ),
    ];
    const { header, rows } = resultTable(seeds);
    expect(header.slice(0, 5)).toEqual(['method', 'blocks', 'seeds', 'test accuracy, last epoch', '− BP']);
    expect(header[5]).toBe('best epoch');
    expect(rows[0]!.slice(2, 6)).toEqual(['3', '82.00 ± 2.00 %', '0.00', '83.00 ± 2.00 %']);
    // Of an earlier version: best epochs are not known.
    expect(rows[1]!.slice(2, 8)).toEqual(['2', '72.00 ± 2.83 %', '−10.00', '–', '100 MB', '0.25']);
    const [head, ...lines] = csvTable(seeds).trimEnd().split('\n');
    const cells = lines.map((line) => line.split(','));
    const column = (name: string): string[] => cells.map((row) => row[head!.split(',').indexOf(name)]!);
    expect(column('seeds')).toEqual(['0 1 2', '0 1']);
    expect(column('accuracyDeviation').map(Number)[0]).toBeCloseTo(0.02, 12);
    expect(column('bestAccuracy').map(Number)).toEqual([expect.closeTo(0.83, 12), 0]);
    expect(column('bestAccuracyDeviation').map(Number)[0]).toBeCloseTo(0.02, 12);
    expect(column('bestEpochs')).toEqual(['3 4 5', '']);
    expect(column('accuracyMinusBp').map(Number)[1]).toBeCloseTo(-0.1, 12);
    expect(column('memoryTimesBp')).toEqual(['1', '0.25']);
  });

  it('has no ratio without BP', () => {
    const { header, rows } = resultTable(results.slice(1));
    expect(header).not.toContain('× BP');
    expect(rows[0]).toHaveLength(header.length);
  });

  it('writes times as people do', () => {
    expect([0.04, 59.94, 59.96, 60, 3599.6].map(formatSeconds)).toEqual([
      '0.0 s',
      '59.9 s',
      '1:00',
      '1:00',
      '1:00:00',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { markdownTable, narrowed, textTable } from '../../src/core/table.js';
import { formatSeconds } from '../../src/core/text.js';
import { costTable, csvTable, resultTable, tableNotes } from '../../src/runs/table.js';
import { runResult } from './helpers.js';

const multiplyAdds = { images: 10, network: 1e9, auxiliary: 0 };
const results = [
  runResult({ multiplyAdds }),
  runResult({
    method: 'auglocal',
    label: 'auglocal',
    blocks: 14,
    ...{ accuracy: 0.8, bestAccuracy: 0.83, bestEpoch: 7 },
    peakMemoryBytes: 1.2e8,
    imagesPerSecond: 65.55,
    seconds: 3675,
    multiplyAdds: { images: 20, network: 1.75e9, auxiliary: 7.5e8 },
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

describe('a table that may lose columns', () => {
  it('loses as many as make it fit, in the order given', () => {
    const table = { header: ['method', 'aaaa', 'bbbb', 'cccc'], rows: [['bp', '1', '2', '3']] };
    const header = (width: number): readonly string[] => narrowed(table, width, ['bbbb', 'aaaa']).header;
    expect(header(24)).toEqual(['method', 'aaaa', 'bbbb', 'cccc']);
    expect(header(23)).toEqual(['method', 'aaaa', 'cccc']);
    expect(header(17)).toEqual(['method', 'cccc']);
    expect(header(1)).toEqual(['method', 'cccc']);
    expect(narrowed(table, 17, ['aaaa', 'bbbb']).rows).toEqual([['bp', '3']]);
  });
});

describe('the comparison table', () => {
  it('does not call accuracies on held-out training images test accuracies', () => {
    const held = results.map((result) => ({ ...result, evaluatedOn: 'validation' as const }));
    expect(tableNotes(held)[0]).toMatch(/^validation accuracy;/);
    expect(tableNotes([results[0]!, held[1]!])[0]).toMatch(/^test\/validation accuracy;/);
    const averaged = results.map((result) => ({ ...result, weights: 'averaged' as const }));
    expect(tableNotes(averaged)[0]).toMatch(/^test \(averaged weights\) accuracy;/);
    expect(csvTable(averaged)).toContain(',test (averaged weights),');
  });

  it('is aligned text for a terminal', () => {
    expect(textTable(resultTable(results)).split('\n')).toEqual([
      'method    blocks  last epoch   − BP   best epoch    peak  × BP  mult-adds    time   epoch',
      '────────  ──────  ──────────  ─────  ───────────  ──────  ────  ─────────  ──────  ──────',
      'bp             1     81.25 %   0.00            –  400 MB  1.00        0 %     0 %  37.5 s',
      'auglocal      14     80.00 %  −1.25  83.00 % (7)  120 MB  0.30      +25 %  +186 %   30:38',
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
    expect(header.slice(0, 6)).toEqual(['method', 'blocks', 'n', 'last epoch', '− BP', 'best epoch']);
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

  it('has deviations of memory and time too, where there are any', () => {
    const seeds = [1, 2].map((seed) =>
      runResult({
        seed,
        peakMemoryBytes: 1e8 + seed * 1e7,
        seconds: 20 * seed,
        imagesPerSecond: 90 + 10 * seed,
      }),
    );
    const { header, rows } = resultTable(seeds);
    const cell = (name: string): string => rows[0]![header.indexOf(name)]!;
    expect([cell('peak'), cell('epoch')]).toEqual(['115 ± 7.1 MB', '15.0 ± 7.1 s']);
    const cost = costTable(seeds);
    expect(cost.rows[0]!.slice(-3)).toEqual(['500 MB', '105 ± 7.1', '30.0 ± 14.1 s']);
  });

  it('has no ratio without BP, and none against BP that recomputes or accumulates', () => {
    const others = [
      { recompute: 'units', label: 'bp+checkpointing' },
      { accumulate: 4, label: 'bp+accumulation' },
    ].map((traits) => runResult(traits));
    for (const there of [results.slice(1), [...others, results[1]!]]) {
      const { header, rows } = resultTable(there);
      expect(header).not.toContain('× BP');
      for (const row of rows) expect(row).toHaveLength(header.length);
      expect(csvTable(there)).not.toMatch(/,0\.3,/);
    }
  });

  it('sets BP that recomputes against BP, in whatever order they come', () => {
    const checkpointing = runResult({ recompute: 'units', label: 'bp+checkpointing', peakMemoryBytes: 1e8 });
    const { header, rows } = resultTable([checkpointing, ...results]);
    const column = rows.map((row) => [row[0], row[header.indexOf('× BP')]]);
    expect(column).toEqual([
      ['bp+checkpointing', '0.25'],
      ['bp', '1.00'],
      ['auglocal', '0.30'],
    ]);
  });

  it('tells parameters, multiply-adds and top-5 where they are known', () => {
    const { header, rows } = costTable([
      runResult({
        top5: 0.9,
        bestTop5: 0.95,
        parameters: { network: 464154, auxiliary: 0, inference: 464154 },
      }),
      runResult({ label: 'old', top5: 0.5 }),
    ]);
    expect(header.slice(1, 5)).toEqual(['top-5, last epoch', 'top-5, best epoch', 'parameters', 'auxiliary']);
    expect(rows.map((row) => row.slice(1, 6))).toEqual([
      ['90.00 %', '95.00 %', '464 k', '0', '464 k'],
      ['50.00 %', '–', '–', '–', '–'],
    ]);
  });

  it('says what its figures are of', () => {
    const [caption] = tableNotes([
      runResult({ batchSize: 128, engineDescription: 'libtorch 1.13.1, cpu, 2 threads' }),
    ]);
    expect(caption).toBe(
      'test accuracy; batch 128; engine torch (libtorch 1.13.1, cpu, 2 threads); float32, deterministic; peak: cpu-allocator',
    );
  });

  it('says that maps were narrower than the rest', () => {
    const [caption] = tableNotes([runResult({ precision: 'bf16' })]);
    expect(caption).toContain('; bfloat16 maps, else float32, deterministic;');
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

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { page } from '../../src/report/page.js';
import { readReport } from '../../src/report/read-report.js';
import { saveScript } from '../../src/report/save-script.js';
import type { RunEvaluation } from '../../src/study/evaluate-run.js';
import { recordEvaluation } from '../../src/study/evaluation-file.js';
import type { StepMetrics } from '../../src/train/events.js';
import { epochsOf, writeRun } from './folders.js';
import { writeSample } from './sample.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-page-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const made = { title: 'a <report>', now: new Date('2026-02-03T04:05:06Z') };

it('draws runs of every kind without a complaint of Vega, and nothing of theirs becomes markup', async () => {
  writeSample(folder);
  const warn = vi.spyOn(console, 'warn');
  const html = await page(readReport([folder]), made);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
  const [shown, script] = html.split('<script>');
  expect(script).toBe(`${saveScript}</script>\n\n</body>\n</html>\n`);
  expect(/<script|<img|<b>|NaN|undefined/.exec(shown!)?.[0]).toBeUndefined();
  expect(html.match(/<\/style>/g)).toHaveLength(1);
  expect(
    /<\w+(\s+[\w:-]+="[^"]*")*\s+(src|href(?!="data:text\/csv)|xlink:href|on\w+)=|url\((?!#)|https?:/.exec(
      html,
    )?.[0],
  ).toBeUndefined();
  expect(html.includes('&lt;script&gt;window.harmed = 1&lt;/script&gt;')).toBe(true);
  expect(html.includes('failed: the loss of &lt;b&gt;block 1&lt;/b&gt; is no number')).toBe(true);
  expect(/Not finite: .*seed 1, from epoch 2/.test(html)).toBe(true);
  expect(html.includes('The y axis is logarithmic.')).toBe(true);
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

it('shows the ranks of a run that several trained, and what memory all of them take', async () => {
  const rank = { host: '<b>far</b>', device: 'libtorch', bytesPerStep: 2.1e6, waitSecondsPerStep: 0.0042 };
  const perRank = [
    { ...rank, blocks: [1, 6], parameterBytes: 3e6, peakMemoryBytes: 5.2e7 },
    { ...rank, blocks: [7, 14], parameterBytes: 6e6, peakMemoryBytes: 3.3e7 },
  ];
  const summary = { ranks: { parallel: 'blocks', steps: 5, perRank } };
  writeRun(join(folder, 'alone'), { epochs: epochsOf([0.5]) });
  writeRun(join(folder, 'together'), { label: 'auglocal', epochs: epochsOf([0.5]), summary });
  const html = await page(readReport([folder]), made);
  expect(html.match(/<h3>Ranks: auglocal, seed 1<\/h3>/g)).toHaveLength(1);
  expect(html).toContain('&lt;b&gt;far&lt;/b&gt;');
  for (const cell of ['7–14', '4.2 ms', '33.0 MB']) expect(html).toContain(`<span>${cell}</span>`);
  expect(html).toContain('peak of the largest: 52.0 MB; all ranks together: 85.0 MB');
});

it('has a point for each update, labelled with its peak beside BP', async () => {
  writeSample(folder);
  const html = await page(readReport([folder]), made);
  const titles = [...html.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title!);
  for (const text of [
    'block 1: 150 MB, 0.38 × BP',
    'block 31: 120 MB, 0.30 × BP',
    'head: 91.0 MB, 0.23 × BP',
  ])
    expect(titles.filter((title) => title.endsWith(text))).toHaveLength(2);
});

it("shows each update's accuracy, the probe of each unit and the likeness of each pair", async () => {
  writeSample(folder);
  const html = await page(readReport([folder]), made);
  const titles = [...html.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title!);
  for (const text of [
    'head, epoch 3: 79.00 %',
    'unit 0: 25.00 %',
    'unit 2: 62.50 %',
    'seed 1, layer1.0: CKA 0.500',
    'seed 1, layer2.0: features that do not vary',
  ])
    expect(titles.filter((title) => title.endsWith(text))).toHaveLength(2);
});

it('says what is missing: a baseline, finished epochs, readable files, runs', async () => {
  writeRun(join(folder, 'g'), { label: 'greedy', method: 'greedy', epochs: epochsOf([0.5]) });
  writeRun(join(folder, 'n'), { config: { network: { name: 'vgg', layers: 13 } }, status: 'interrupted' });
  writeRun(join(folder, 'broken'));
  writeFileSync(join(folder, 'broken', 'config.yaml'), 'a: [');
  const html = await page(readReport([folder]), made);
  expect(html.match(/There is no run of BP here/g)).toHaveLength(2);
  expect(html.includes('No epoch is finished yet.')).toBe(true);
  expect(/Runs that could not be read[^]*broken\/config.yaml/.test(html)).toBe(true);
  expect(await page({ runs: [], unreadable: [] }, made)).toContain('Waiting for runs.');
});

it('lists the engine of every process that took part in a run', async () => {
  const processes = ['libtorch, 2 threads', 'libtorch, 1 thread'];
  writeRun(join(folder, 'resumed'), { epochs: epochsOf([0.5]), processes });
  const html = await page(readReport([folder]), made);
  const [, part = ''] = html.split('Machine, engine and meter');
  for (const each of processes) expect(part.split(`torch: ${each}`)).toHaveLength(3);
  expect(part.match(/begun 2026|resumed 2026/g)).toEqual(['begun 2026', 'resumed 2026']);
});

/** The cells of each row of the first table, without spaces around them. */
function cellsOf(html: string): string[][] {
  const [table = ''] = /<table class="lists">[^]*?<\/table>/.exec(html) ?? [];
  return [...table.matchAll(/<tr>([^]*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>([^]*?)<\/t[hd]>/g)].map(([, cell]) =>
      cell!.replaceAll(/<[^>]*>/g, '').trim(),
    ),
  );
}

it('sets each row against the BP with its own learning rate, and says what ± is', async () => {
  for (const [learningRate, accuracies] of [
    [0.1, [0.5, 0.6]],
    [0.02, [0.3, 0.4]],
  ] as const) {
    const config = { train: { epochs: 3, batchSize: 16, learningRate } };
    for (const [i, accuracy] of accuracies.entries())
      writeRun(join(folder, `bp ${learningRate} ${i}`), {
        seed: i + 1,
        config,
        epochs: epochsOf([accuracy]),
      });
    const greedy = { label: 'greedy', method: 'greedy', config: { ...config, method: { method: 'greedy' } } };
    writeRun(join(folder, `greedy ${learningRate}`), { ...greedy, epochs: epochsOf([0.5]) });
  }
  const html = await page(readReport([folder]), made);
  const beside = cellsOf(html).map((row) => [row[0], row[2], row[3], row[4]]);
  expect(beside).toEqual([
    ['method', 'runs (n)', 'test accuracy, last epoch', 'accuracy beside BP'],
    ['bp (learningRate 0.02)', '2', '35.00 ± 7.07 %', '–'],
    ['bp (learningRate 0.1)', '2', '55.00 ± 7.07 %', '–'],
    ['greedy (learningRate 0.02)', '1', '50.00 %', '+15.00 points'],
    ['greedy (learningRate 0.1)', '1', '50.00 %', '−5.00 points'],
  ]);
  expect(html).toContain('means over the n runs of a row, which differ in their seed alone (1, 2)');
  expect(html).toContain('the BP that was trained with the same settings');
});

/** A figure's part of the page, and its numbers. */
function figureOf(html: string, title: string): { readonly part: string; readonly rows: string[] } {
  const [, rest = ''] = html.split(`${title}</h3>`);
  const part = rest.split('</figure>')[0]!;
  const [, csv = ''] = /href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(part) ?? [];
  return { part, rows: decodeURIComponent(csv).trimEnd().split('\n') };
}

it('draws single steps and metrics of plugins like the rest, where runs have them', async () => {
  const updates = ['block 1', 'head'];
  const every = (logEvery: number, from: number): StepMetrics[] =>
    Array.from({ length: 12 / logEvery }, (_, i) => {
      const runStep = (i + 1) * logEvery;
      const updateLosses = { 'block 1': from, head: from - runStep / 10 };
      return { ...{ epoch: 1, step: runStep, runStep, learningRate: 0.1 }, imagesPerSecond: 9, updateLosses };
    });
  const each = { updateLosses: { 'block 1': 2, head: 1 }, updatePeakBytes: { 'block 1': 2e6, head: 1e6 } };
  const epochs = (share: number) =>
    epochsOf([0.3, 0.5], (epoch) => ({ ...each, metrics: { 'F1 <b>': share * epoch } }));
  const own = { label: 'greedy', method: 'greedy', updates };
  writeRun(join(folder, 'bp'), { epochs: epochsOf([0.4]) });
  writeRun(join(folder, '1'), {
    ...own,
    seed: 1,
    epochs: epochs(0.1),
    metrics: ['F1 <b>'],
    steps: every(2, 4),
  });
  writeRun(join(folder, '2'), {
    ...own,
    seed: 2,
    epochs: epochs(0.3),
    metrics: ['F1 <b>'],
    steps: every(3, 6),
  });
  // As before `logEvery` was set.
  writeRun(join(folder, '3'), { ...own, seed: 3, epochs: epochsOf([0.3], () => each) });
  const html = await page(readReport([folder]), made);

  const steps = figureOf(html, '>Training loss of single steps');
  expect(steps.rows[0]).toBe('line,step,training loss');
  expect(steps.rows).toContain('"greedy, seed 1",2,3.8');
  // Where both have a row.
  const mean = steps.rows.filter((row) => row.includes('mean of 2 runs'));
  expect(mean).toEqual(['"greedy, mean of 2 runs",6,4.4', '"greedy, mean of 2 runs",12,3.8']);
  expect(steps.part).toContain('greedy, mean of 2 runs, step 6: loss 4.400');
  expect(steps.rows.some((row) => row.includes('bp'))).toBe(false);

  const ofUpdates = figureOf(html, '>greedy: loss of each update in single steps');
  expect(ofUpdates.rows.slice(1)).toEqual([
    ...['"greedy, block 1",6,5', '"greedy, block 1",12,5'],
    ...['"greedy, head",6,4.4', '"greedy, head",12,3.8'],
  ]);

  const metric = figureOf(html, '>Metric F1 &lt;b&gt;');
  expect(metric.rows[0]).toBe('line,epoch,F1 <b>');
  expect(metric.rows.filter((row) => row.includes('mean'))).toEqual([
    '"greedy, mean of 2 runs",1,0.2',
    '"greedy, mean of 2 runs",2,0.4',
  ]);
  for (const kind of ['svg', 'png']) expect(metric.part).toContain(`data-save="${kind}"`);
});

it('shows what a run that was evaluated takes its classes for, until it is trained further', async () => {
  const evaluation: RunEvaluation = {
    ...({ label: 'bp', evaluatedOn: 'test', skippedImages: 0 } as const),
    classes: ['cat', '<dog>', 'none'],
    counts: [
      [3, 1, 0],
      [0, 2, 2],
      [0, 0, 0],
    ],
    ...{ images: 8, accuracy: 0.625, top5: undefined, loss: Infinity },
  };
  const title = '>Classes: bp, seed 1';
  const shown = async (epochs: number) => {
    const run = writeRun(join(folder, 'bp'), { epochs: epochsOf([0.4, 0.6].slice(0, epochs)) });
    return { run, html: await page(readReport([folder]), made) };
  };
  const { run, html } = await shown(2);
  expect(html).not.toContain(title);
  const others: readonly Partial<RunEvaluation>[] = [
    { evaluatedOn: 'train' },
    { data: 'photos' },
    { bestEpoch: 1 },
  ];
  for (const other of others) {
    recordEvaluation(run, { ...evaluation, ...other }, 2);
    expect(existsSync(join(run, 'evaluation.json'))).toBe(false);
  }
  recordEvaluation(run, evaluation, 2);
  const { part, rows } = figureOf((await shown(2)).html, title);
  expect(rows.slice(0, 4)).toEqual([
    'class,taken for,"share of its images, %"',
    'cat,cat,75',
    'cat,<dog>,25',
    'cat,none,0',
  ]);
  expect(rows.at(-1)).toBe('none,none,');
  expect(part).toContain('&lt;dog&gt; taken for none: 2 of 4');
  expect(part).toContain('Of 8 test images: accuracy 62.50 %.');
  expect((await shown(1)).html).not.toContain(title);
});

it('draws what the summaries of runs say of classes: all runs of a series together, of many classes the hardest', async () => {
  const write = (name: string, seed: number, byClass: object): void =>
    void writeRun(join(folder, name), { seed, epochs: epochsOf([0.5]), summary: { epochs: 1, byClass } });
  const few = (right: number) => ({
    ...{ classes: ['cat', 'dog'], images: [4, 0], accuracy: [right / 4, null] },
    counts: [
      [right, 4 - right],
      [0, 0],
    ],
  });
  write('one', 1, few(1));
  write('two', 2, few(3));
  const html = await page(readReport([folder]), made);
  expect(figureOf(html, '>Accuracy of each class').rows).toEqual([
    ...['line,class,"test accuracy, %"', '"bp, 2 runs",cat,50', '"bp, 2 runs",dog,'],
  ]);
  const { part, rows } = figureOf(html, '>Classes: bp, 2 runs');
  expect(rows.slice(1)).toEqual(['cat,cat,50', 'cat,dog,50', 'dog,cat,', 'dog,dog,']);
  expect(part).toContain('Of 8 test images, each once a run: accuracy 50.00 %.');

  const names = Array.from({ length: 120 }, (_, i) => `class ${i}`);
  const images = names.map(() => 1000);
  write('one', 1, { classes: names, images, accuracy: names.map((_, i) => 1 - i / 1000) });
  rmSync(join(folder, 'two'), { recursive: true });
  const many = await page(readReport([folder]), made);
  const hardest = figureOf(many, '>Accuracy of each class');
  expect(hardest.rows.slice(1, 3)).toEqual(['"bp, seed 1",class 119,88.1', '"bp, seed 1",class 118,88.2']);
  expect(hardest.rows).toHaveLength(1 + 50);
  expect(hardest.part).toContain('The 50 of 120 classes');
  expect(many).not.toContain('>Classes: ');
});

it('draws of many steps no more than a plot has room for, and shows the first of them before any epoch is done', async () => {
  const steps = Array.from({ length: 2000 }, (_, i): StepMetrics => {
    const runStep = i + 1;
    return {
      ...{ epoch: 1, step: runStep, runStep, learningRate: 0.1, imagesPerSecond: 9 },
      updateLosses: { head: 1 + 1 / runStep },
    };
  });
  writeRun(join(folder, 'bp'), { updates: ['head'], steps, status: 'open' });
  const { part, rows } = figureOf(await page(readReport([folder]), made), '>Training loss of single steps');
  expect(rows.length).toBeLessThan(600);
  expect([rows[1], rows.at(-1)]).toEqual(['"bp, seed 1",1,2', '"bp, seed 1",2000,1.0005']);
  expect(part).toContain('every 4th point');
});

it('draws updates that are more than lines can show as a map over blocks and epochs, and gives its numbers', async () => {
  writeSample(folder);
  const html = await page(readReport([folder]), made);
  const [, figure = ''] = html.split(': loss of each update</h3>');
  expect(
    figure.split('</figure>')[0]!.match(/<path aria-label="[^"]*, block 31, epoch 2: 1\.300"/g),
  ).toHaveLength(2);
  const [, csv = ''] = /href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(figure)!;
  const lines = decodeURIComponent(csv).split('\n');
  expect(lines[0]).toBe('"update, in the order of a step",epoch,training loss');
  expect(lines).toHaveLength(1 + 60 * 3 + 1);
  expect(lines[1 + 3 * 30 + 1]).toBe('block 31,2,1.3');
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { page } from '../../src/report/page.js';
import { readReport } from '../../src/report/read-report.js';
import { saveScript } from '../../src/report/save-script.js';
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
  expect(html).toContain('the largest rank&#39;s, 52.0 MB; all ranks together: 85.0 MB');
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
  writeRun(join(folder, 'n'), { config: { network: { name: 'vgg', depth: 13 } }, status: 'interrupted' });
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

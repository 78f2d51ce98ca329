import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { visible } from '../../src/core/visible.js';
import { page } from '../../src/report/page.js';
import { readReport } from '../../src/report/read-report.js';
import { costTable } from '../../src/runs/table.js';
import { overSeeds } from '../../src/runs/seeds.js';
import { writeProbe } from '../../src/study/probe-file.js';
import { writeSimilarity } from '../../src/study/similarity-file.js';
import type { StepMetrics } from '../../src/train/events.js';
import { runResult } from '../runs/helpers.js';
import { epochsOf, writeRun } from './folders.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-names-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What objects have by themselves, words of the expressions that plots are drawn by, and what no encoding has. */
const names = [
  ...['constructor', '__proto__', 'toString', 'valueOf', 'if', 'datum', 'NaN', "it's", '\\'],
  ...['"<', '\ud800', 'a\udc00'],
];

it('shows classes, updates and units of any name, and methods, options and metrics', async () => {
  const updates = [...names, 'head'];
  const own = (value: number): Record<string, number> =>
    Object.fromEntries(updates.map((each, i) => [each, value + i / 100]));
  const metric = 'constructor';
  const epochs = epochsOf([0.4, 0.5], () => ({
    ...{
      updateLosses: own(1),
      updatePeakBytes: own(1e8),
      updateAccuracies: own(0),
      metrics: { [metric]: 0.5 },
    },
  }));
  const steps = [1, 2].map((step): StepMetrics => {
    return {
      ...{ epoch: 1, step, runStep: step, learningRate: 0.1 },
      imagesPerSecond: 9,
      updateLosses: own(1),
    };
  });
  const byClass = {
    ...{ classes: names, images: names.map(() => 1), accuracy: names.map((_, i) => i % 2) },
    counts: names.map((_, i) =>
      names.map((_, k) => (k === i - ((i + 1) % 2) || (i === 0 && k === 1) ? 1 : 0)),
    ),
  };
  for (const [i, name] of ['one', 'two'].entries()) {
    writeRun(join(folder, name), {
      ...{ label: 'toString', method: 'mine', epochs, steps, updates, metrics: [metric] },
      config: { method: { method: 'mine', label: 'toString', valueOf: i + 1 } },
      summary: { epochs: 2, byClass },
    });
  }
  // A run that has none of them.
  writeRun(join(folder, 'bp'), { epochs: epochsOf([0.4]) });
  const identity = { label: 'toString', method: 'mine', network: 'if', engine: 'torch' as const };
  const counts = { trainImages: 100, testImages: 50, seed: 1, evaluatedOn: 'test' as const };
  const units = names.map((name) => ({ name, features: 16, accuracy: 0.5, trainAccuracy: 0.5 }));
  writeProbe(join(folder, 'one'), { ...identity, ...counts, networkAccuracy: 0.5, units });
  writeSimilarity(join(folder, 'one'), 'two', {
    a: { folder: 'one', label: 'toString', network: 'if' },
    b: { folder: 'two', label: 'toString', network: 'if' },
    ...{ unitsA: names, unitsB: ['if'], similarity: names.map(() => [1]) },
    ...{ evaluatedOn: 'test', images: 50, batchSize: 10, seed: 1, engine: 'torch' },
  });
  const data = readReport([folder]);
  expect(data.unreadable).toEqual([]);
  const path = join(folder, 'report.html');
  writeFileSync(path, await page(data, { title: 'constructor', now: new Date() }));
  const html = readFileSync(path, 'utf8');
  const textsOf = (title: string): string[] => {
    const [, rest = ''] = html.split(`${title}</h3>`);
    const texts = rest.split('</figure>')[0]!.matchAll(/<text[^>]*>([^<]*)<\/text>/g);
    const read = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
    return [...texts].map(([, text]) =>
      text!.replaceAll(/&\w+;/g, (each) => read[each as keyof typeof read]),
    );
  };
  for (const title of ['Accuracy of each class', '>Classes: toString (valueOf 1), seed 1', 'Linear probes'])
    for (const name of names) expect(textsOf(title).includes(visible(name)), `${title}: ${name}`).toBe(true);
  // What CSV could not hold is replaced there.
  for (const name of names)
    expect(textsOf('Peak memory of each update')).toContain(name.replace(/\p{Cs}/u, '\ufffd'));
  expect(textsOf('Metric constructor')).toContain('constructor');
  expect(textsOf('Accuracy over valueOf')).toContain('valueOf');
  const [, csv = ''] = /href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(
    html.split('Accuracy of each class</h3>')[1]!,
  )!;
  expect(decodeURIComponent(csv)).toContain(',\\ud800,0\n');
});

it('are of a run alone that has them', () => {
  const results = [
    runResult({ label: 'mine', metrics: { constructor: 0.5 } as unknown as Record<string, number> }),
    runResult({ label: 'mine', seed: 2, metrics: { f1: 1 } }),
    runResult(),
  ];
  expect(overSeeds(results).map(({ metrics }) => Object.keys(metrics))).toEqual([[], []]);
  const { rows } = costTable([results[0]!, results[2]!]);
  expect(rows.map((row) => row[1])).toEqual(['0.5', '–']);
});

import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { amountLine, amountProgress, type Amount } from '../../../src/cli/commands/amount-progress.js';
import type { ProgressStream } from '../../../src/cli/display.js';

const amount = (done: number, label = 'downloading x'): Amount => ({
  label,
  unit: 'bytes',
  done,
  total: 40e6,
});

function show(
  isTTY: boolean,
  quiet: boolean,
  work: (progress: ReturnType<typeof amountProgress>) => void,
  env: NodeJS.ProcessEnv = {},
) {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  work(amountProgress(Object.assign(stream, { isTTY, columns: 80 }) as ProgressStream, quiet, env));
  return text;
}

function someWork(progress: ReturnType<typeof amountProgress>): void {
  progress.update(amount(0));
  progress.update(amount(20e6));
  progress.note('connection lost');
  progress.update(amount(20e6));
  progress.update(amount(1e6, 'unpacking x'));
  progress.end();
}

it('writes a line for each piece of work where there is no interactive terminal', () => {
  const lines = 'downloading x: 0.0 MB of 40.0 MB\nnote: connection lost\nunpacking x: 1.0 MB of 40.0 MB\n';
  expect(show(false, false, someWork)).toBe(lines);
  for (const env of [{ TERM: 'dumb' }, { CI: 'true' }]) {
    expect(show(true, false, someWork, env)).toBe(lines);
  }
});

it('draws bars on a terminal, with notes on lines of their own', () => {
  const text = show(true, false, someWork);
  expect(text).toContain('downloading x  [--------------------]  0.0 MB of 40.0 MB');
  expect(text).toContain('note: connection lost\n');
  expect(text).toContain('unpacking x');
});

it('is silent if it is to be quiet', () => {
  expect(show(true, true, someWork) + show(false, true, someWork)).toBe('');
});

it('tells rate and time left, and fits into the terminal', () => {
  expect(amountLine(amount(10e6), 2e6, 100)).toBe(
    'downloading x  [=====---------------]  10.0 MB of 40.0 MB  2.0 MB/s  ETA 0:15',
  );
  expect(amountLine({ ...amount(10e6), total: undefined }, undefined, 100)).toBe('downloading x  10.0 MB');
  expect(amountLine({ label: 'reading x', unit: 'images', done: 5, total: 10 }, 2.4, 100)).toBe(
    'reading x  [==========----------]  5 of 10 images  2/s  ETA 0:02',
  );
  expect(amountLine(amount(10e6), 2e6, 20)).toHaveLength(19);
});

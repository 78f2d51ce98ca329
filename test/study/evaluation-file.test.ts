import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readEvaluation } from '../../src/study/evaluation-file.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'locallearn-evaluation-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const record = { epochs: 2, evaluatedOn: 'test', classes: ['a', 'b'], images: 3, accuracy: 1 };
const read = (counts: number[][]) => {
  writeFileSync(join(folder, 'evaluation.json'), JSON.stringify({ ...record, counts }));
  return readEvaluation(folder, 2);
};

it('reads counts that have a row and a column for each class', () => {
  expect(
    read([
      [1, 0],
      [0, 2],
    ])?.images,
  ).toBe(3);
});

it.each([
  [[[1, 0]]],
  [[[1], [2]]],
  [
    [
      [1, 0, 0],
      [0, 2, 0],
    ],
  ],
  [
    [
      [1, 0],
      [0, 2],
      [0, 0],
    ],
  ],
])('refuses counts of other classes: %j', (counts) => {
  expect(() => read(counts)).toThrow(/evaluation\.json.*counts: must have a row and a column for each class/);
});

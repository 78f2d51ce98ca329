import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeJson } from '../../src/core/json-file.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-json-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function written(value: unknown): string {
  const path = join(folder, 'a.json');
  writeJson(path, value);
  return readFileSync(path, 'utf8');
}

it('has a line for each list of numbers', () => {
  expect(written({ a: [[1, -2.5e-7], [null]], b: ['x'], c: [] })).toBe(
    '{\n  "a": [\n    [1, -2.5e-7],\n    [null]\n  ],\n  "b": [\n    "x"\n  ],\n  "c": []\n}\n',
  );
});

it('writes what is read back the same', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(written(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 50 },
  );
});

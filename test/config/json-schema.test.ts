import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configFileSchema } from '../../src/config/config.js';
import { summaryFileSchema } from '../../src/runs/summary.js';

it.each([
  ['config', configFileSchema],
  ['summary', summaryFileSchema],
])('schemas/%s.json is what the schema says: npm run schemas writes it', (name, schema) => {
  const shipped = readFileSync(join(import.meta.dirname, `../../schemas/${name}.json`), 'utf8');
  expect(JSON.parse(shipped)).toEqual(JSON.parse(JSON.stringify(schema())));
});

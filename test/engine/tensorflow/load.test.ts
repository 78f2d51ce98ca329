import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadTensorflow } from '../../../src/engine/tensorflow/load.js';
import { tensorflowScript } from '../../../src/engine/tensorflow/package.js';

const util = createRequire(import.meta.url)('node:util') as {
  isNullOrUndefined?: ((value: unknown) => boolean) | undefined;
};
const original = util.isNullOrUndefined;
const home = process.cwd();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-tensorflow-'));
});
afterEach(() => {
  util.isNullOrUndefined = original;
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

it('puts back what Node 23 took from node:util, before the package is loaded', () => {
  delete util.isNullOrUndefined;
  // Stops where the package would begin.
  const path = join(folder, 'package.cjs');
  writeFileSync(
    path,
    `const { isNullOrUndefined: is } = require('util');
     throw new Error([null, undefined, 0, ''].map((value) => is(value)).join(' '));`,
  );
  expect(() => loadTensorflow({ name: 'one that fails', path })).toThrow('true true false false');
});

it('names the script that installs it as it is called from here', () => {
  expect(tensorflowScript()).toBe('scripts/tensorflow-engine.sh');
  process.chdir(folder);
  expect(tensorflowScript()).toBe(join(home, 'scripts/tensorflow-engine.sh'));
});

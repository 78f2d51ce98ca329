import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { afterEach, expect, it } from 'vitest';
import { rooms } from '../../scripts/eslint-rooms.mjs';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** What the rules say of a house of these files, with `cli` above `nn` and `data`, and those above `core`. */
async function complaints(files: Readonly<Record<string, string>>): Promise<string[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'locallearn-rooms-'));
  folders.push(cwd);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  const floors = [['cli'], ['nn', 'data'], ['core']];
  const eslint = new ESLint({
    cwd,
    overrideConfigFile: true,
    overrideConfig: {
      files: ['src/**/*.ts'],
      languageOptions: { parser: tseslint.parser },
      plugins: { rooms },
      rules: { 'rooms/floors': ['error', { root: 'src', floors }], 'rooms/no-cycles': 'error' },
    },
  });
  const results = await eslint.lintFiles(['src/**/*.ts']);
  return results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)).sort();
}

it('imports that go down the floors pass', async () => {
  const said = await complaints({
    'src/cli/main.ts': "import { a } from '../nn/a.js';\nexport const b = import('../core/c.js');\n",
    'src/nn/a.ts':
      "import type { C } from '../core/c.js';\nexport type A = C;\nexport { d } from './d.js';\n",
    'src/nn/d.ts': 'export const d = 1;\n',
    'src/core/c.ts': 'export type C = number;\n',
  });
  expect(said).toEqual([]);
});

it('an import that runs back up is refused, of a type, passed on or awaited too', async () => {
  const up = (from: string, to: string): string =>
    `${from} may not import from ${to}: imports go down the floors of eslint.config.js only`;
  const said = await complaints({
    'src/core/c.ts':
      "import type { A } from '../nn/a.js';\nexport const c = (): A => import('../cli/main.js');\n",
    'src/nn/a.ts': "export { d } from '../data/d.js';\nexport type A = unknown;\n",
    'src/data/d.ts': 'export const d = 1;\n',
    'src/cli/main.ts': 'export const main = 1;\n',
  });
  expect(said).toEqual([`1: ${up('core', 'nn')}`, `1: ${up('nn', 'data')}`, `2: ${up('core', 'cli')}`]);
});

it('however it is written', async () => {
  const said = await complaints({
    'src/core/c.ts': "import d = require('../data/d.js');\nexport const c = [d, import(`../nn/a.js`)];\n",
    'src/core/e.ts': "import '../cli/main.js';\n",
    'src/nn/a.ts': 'export const a = 1;\n',
    'src/data/d.ts': 'export const d = 1;\n',
    'src/cli/main.ts': 'export const main = 1;\n',
  });
  expect(said.map((line) => line.slice(0, line.indexOf(':', 3)))).toEqual([
    '1: core may not import from cli',
    '1: core may not import from data',
    '2: core may not import from nn',
  ]);
});

it('files that import each other in a circle are named, by types alone too', async () => {
  const said = await complaints({
    'src/nn/a.ts': "import { b } from './b.js';\nexport type A = typeof b;\n",
    'src/nn/b.ts': "export * from './c.js';\nexport const b = 1;\n",
    'src/nn/c.ts': "import type { A } from './a.js';\nexport type C = A;\n",
    'src/nn/d.ts': "import type { C } from './c.js';\nexport type D = C;\n",
  });
  const circle = (...names: string[]): string =>
    `1: these files import each other in a circle: ${names.map((name) => join('src/nn', `${name}.ts`)).join(' → ')}`;
  expect(said).toEqual([circle('a', 'b', 'c', 'a'), circle('b', 'c', 'a', 'b'), circle('c', 'a', 'b', 'c')]);
});

it('a circle of imports for what they do alone, or by require', async () => {
  const said = await complaints({
    'src/nn/a.ts': "import './b.js';\n",
    'src/nn/b.ts': "import c = require('./c.js');\nexport const b = c;\n",
    'src/nn/c.ts': 'export const c = import(`./a.js`);\n',
  });
  expect(said).toHaveLength(3);
  expect(said.every((line) => line.startsWith('1: these files import each other in a circle'))).toBe(true);
});

it('a room that stands on no floor is named', async () => {
  expect(await complaints({ 'src/attic/a.ts': 'export const a = 1;\n' })).toEqual([
    '1: attic stands on no floor: add it to eslint.config.js',
  ]);
});

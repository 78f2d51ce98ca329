import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { registryWith } from '../../src/config/registry.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { startEngine } from '../support/engine.js';

let folder: string;
beforeAll(async () => {
  await startEngine('cpu');
  folder = mkdtempSync(join(tmpdir(), 'locallearn-place-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const broken = (name: string) => ({ name, options: z.strictObject({}), build: () => 1 as never });

it.each([
  ['mine', ':3'],
  ['other', ':4'],
  ['computed', ''],
])('a mistake of a plugin’s method "%s" is told by file and line, where the text tells', (name, line) => {
  const file = join(folder, 'own.ts');
  writeFileSync(
    file,
    "import { defineMethod } from 'locallearn';\n\nconst a = { name: 'mine' };\nconst b = { name: \"other\" };\n",
  );
  const { methods } = registryWith([{ file, plugin: { methods: [broken(name)] } }]);
  const network = resnetCifar({ depth: 8, classes: 2, imageShape: [8, 8, 3], seed: 1 });
  const method = methods.find((each) => each.name === name)!;
  expect(() => method.build(network, {})).toThrow(
    `${file}${line}: method "${name}": build must return a strategy`,
  );
  disposeNetwork(network);
});

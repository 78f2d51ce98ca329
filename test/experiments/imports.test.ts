import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** What is built of a file that is gone may lie about in dist/: whether a program runs says nothing there. */
it('programs and scripts import what is built from src/', () => {
  const programs = ['experiments', 'scripts', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.mjs') && !name.includes('node_modules'))
      .map((name) => join(folder, name)),
  );
  const imported = programs.flatMap((program) =>
    [...readFileSync(join(root, program), 'utf8').matchAll(/'(?:\.\.\/)+dist\/([^'\n]+)\.js'/g)].map(
      ([, module]) => `${program}: src/${module}.ts`,
    ),
  );
  expect(imported.length).toBeGreaterThan(10);
  expect(imported.filter((each) => !existsSync(join(root, each.split(': ')[1]!)))).toEqual([]);
});

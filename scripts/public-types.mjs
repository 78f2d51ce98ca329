/**
 * Makes the declarations that tsc wrote fit for other projects, after each build: the ones that `dist/index.d.ts` leads
 * to take TensorFlow.js's types from `types/tensors.d.ts`, which says why; no others stay.
 */
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const declarationOf = (/** @type {string} */ module) => module.replace(/\.js$/, '.d.ts');

/** @type {Set<string>} */
const reached = new Set();
const queue = [join(dist, 'index.d.ts')];
for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
  if (reached.has(file)) continue;
  reached.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, module] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)['"]/g)) {
    queue.push(declarationOf(join(dirname(file), module)));
  }
  const tensors = relative(dirname(file), join(root, 'types', 'tensors.js'));
  // How our own files import it, which a declaration that is a module of ES need not.
  const imported = text.replaceAll(
    /^import tf = require\(.*\);/gm,
    "import type * as tf from '@tensorflow/tfjs';",
  );
  writeFileSync(file, imported.replaceAll("from '@tensorflow/tfjs'", `from '${tensors}'`));
}
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  const file = join(dist, name);
  if (name.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
}

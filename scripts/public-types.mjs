/**
 * Makes declarations for other projects of those that tsc wrote, after each build: what `dist/index.d.ts` leads to, and
 * nothing else, with TensorFlow.js's types from `types/tensors.d.ts`, which says why.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const written = join(dist, 'declarations');
const declarationOf = (/** @type {string} */ module) => module.replace(/\.js$/, '.d.ts');

/** @type {Set<string>} */
const reached = new Set();
const queue = [join(dist, 'index.d.ts')];
for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
  if (reached.has(file)) continue;
  reached.add(file);
  const text = readFileSync(join(written, relative(dist, file)), 'utf8');
  for (const [, module] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)['"]/g)) {
    queue.push(declarationOf(join(dirname(file), module)));
  }
  const tensors = relative(dirname(file), join(root, 'types', 'tensors.js'));
  // How our own files import it, which a declaration that is a module of ES need not.
  const imported = text.replaceAll(
    /^import tf = require\(.*\);/gm,
    "import type * as tf from '@tensorflow/tfjs';",
  );
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, imported.replaceAll("from '@tensorflow/tfjs'", `from '${tensors}'`));
}
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  const file = join(dist, name);
  const isOurs = !file.startsWith(written) && name.endsWith('.d.ts');
  if (isOurs && !reached.has(file)) rmSync(file);
}

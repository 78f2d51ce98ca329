/** TensorFlow's package for Node: installed without its own download, and its binding compiled. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { BuildError, runCompiler } from './compiler.mjs';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/**
 * The package in `parent`/node_modules, installed if it is not there. It is not put beside the others: npm removes
 * there, at its next call, what no package.json asks for. TensorFlow.js itself it finds where the product finds it, in a
 * folder above.
 * @param {{ parent: string, name: string }} options @returns {Promise<string>} Its folder.
 */
export async function installPackage({ parent, name }) {
  const { version } = require('@tensorflow/tfjs/package.json');
  const modules = join(parent, 'node_modules');
  const folder = join(modules, name);
  if (
    existsSync(folder) &&
    JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version === version
  )
    return folder;
  const temporary = join(parent, `npm.${process.pid}.tmp`);
  mkdirSync(temporary, { recursive: true });
  try {
    console.log(`installing ${name} ${version}`);
    // A package of its own, so that npm looks for none further up.
    writeFileSync(join(temporary, 'package.json'), '{ "private": true }');
    const options = ['--ignore-scripts', '--no-save', '--no-package-lock', '--no-audit', '--no-fund'];
    await npm(['install', ...options, `${name}@${version}`], temporary);
    const scope = join(temporary, 'node_modules/@tensorflow');
    for (const copy of readdirSync(scope).filter((each) => `@tensorflow/${each}` !== name))
      rmSync(join(scope, copy), { recursive: true });
    rmSync(modules, { recursive: true, force: true });
    renameSync(join(temporary, 'node_modules'), modules);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** @param {string[]} options @param {string} folder */
async function npm(options, folder) {
  try {
    await run('npm', options, { cwd: folder });
  } catch (error) {
    const { code, stderr = '' } = /** @type {{ code?: unknown, stderr?: string }} */ (error);
    if (code === 'ENOENT') throw new BuildError('npm was not found: install it with Node.js');
    const lines = stderr
      .split('\n')
      .filter((line) => line.startsWith('npm error ') || line.startsWith('npm ERR! '));
    throw new BuildError(`npm ${options.join(' ')} failed: ${lines[0] ?? stderr.trim()}`);
  }
}

/**
 * Compiles the package's binding to where it looks for it, if it is not there, linked to these very files.
 * @param {string} folder The package's. @param {import('./find-libtensorflow.mjs').Libtensorflow} libtensorflow
 * @param {string} log For the output of what fails. @returns {Promise<boolean>} Whether it was compiled.
 */
export async function buildBinding(folder, libtensorflow, log) {
  const binding = join(folder, 'lib/napi-v8/tfjs_binding.node');
  const record = join(folder, 'lib/napi-v8/build.json');
  const settings = JSON.stringify(libtensorflow, null, 2);
  if (existsSync(binding) && existsSync(record) && readFileSync(record, 'utf8') === settings) return false;
  mkdirSync(dirname(binding), { recursive: true });
  rmSync(record, { force: true });
  console.log('compiling its binding to TensorFlow');
  const temporary = `${binding}.${process.pid}.tmp`;
  const { include_dir: node } = require('node-api-headers');
  const options = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-w'],
    ...['-I', folder, '-isystem', libtensorflow.include, '-isystem', node],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(folder, 'binding', name)),
    ...libtensorflow.libraries,
    ...[...new Set(libtensorflow.libraries.map(dirname))].map((each) => `-Wl,-rpath,${each}`),
    ...['-o', temporary],
  ];
  try {
    await runCompiler(options, 'compiling the binding', log);
    renameSync(temporary, binding);
  } finally {
    rmSync(temporary, { force: true });
  }
  writeFileSync(record, settings);
  return true;
}

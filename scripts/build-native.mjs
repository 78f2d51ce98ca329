/**
 * Builds the .cc files in native/ to native/build/locallearn.node: node scripts/build-native.mjs [--asan]
 *
 * Takes the first libtorch that serves, with CUDA where that can be built in; compiles only what changed. With --asan
 * the result is native/build/asan/locallearn.node, for `npm run test:asan`: under AddressSanitizer, each tensor alone on
 * its pages, up to their end, between pages that may not be touched. LOCALLEARN_BRIDGE names another folder for the
 * result, which is then looked for there (src/engine/torch/load-native.ts): builds with several libtorchs side by side.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError, flagsFor, LibtorchError, runCompiler } from './compiler.mjs';
import { findLibtorch } from './find-libtorch.mjs';
import { probeLibtorch } from './probe-libtorch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'native');
const asan = process.argv.includes('--asan');
const folder = resolve(process.env.LOCALLEARN_BRIDGE || join(sources, 'build'));
const build = asan ? join(folder, 'asan') : folder;
const output = join(build, 'locallearn.node');
// A file takes one to two gigabytes.
const jobs = Math.max(2, Math.min(availableParallelism(), Math.floor(freemem() / 2 ** 31)));

/**
 * Whether `target` is newer than everything that its dependency file lists.
 * @param {string} target @param {string} dependencies
 */
function upToDate(target, dependencies) {
  if (!existsSync(target) || !existsSync(dependencies)) return false;
  const time = statSync(target).mtimeMs;
  const [, list = ''] = readFileSync(dependencies, 'utf8').split(/:\s/, 2);
  const files = list.split(/(?<!\\)\s+|\\\n/).filter((name) => name !== '' && name !== '\\');
  return files.every((name) => {
    const file = name.replaceAll('\\ ', ' ');
    return existsSync(file) && statSync(file).mtimeMs <= time;
  });
}

/** Headers of libtorch that take longer to read than most of what includes them. */
const headersOfLibtorch = ['ATen/ATen.h', 'ATen/Parallel.h', 'torch/library.h'];
/** With fewer files to compile it takes longer to make those ready. */
const fewestForHeaders = 4;
const headerName = 'libtorch.h';

/** Whether a source, or a header of ours that it includes, reads them. @param {string} file @returns {boolean} */
function readsLibtorch(file) {
  const text = readFileSync(file, 'utf8');
  const own = [...text.matchAll(/^#include "(.*)"/gm)].map(([, name = '']) => join(dirname(file), name));
  return headersOfLibtorch.some((name) => text.includes(`#include <${name}>`)) || own.some(readsLibtorch);
}

/**
 * Reads the headers once for all files. A compiler that can't use what that makes reads them for each, as ever.
 * @param {ReturnType<typeof flagsFor>} flags @param {string} log
 * @returns {Promise<string[]>} Options for what includes them.
 */
async function precompileHeaders({ compile }, log) {
  const header = join(build, headerName);
  writeFileSync(header, headersOfLibtorch.map((name) => `#include <${name}>\n`).join(''));
  const options = [...compile, '-x', 'c++-header', header, '-o', `${header}.gch`];
  await runCompiler(options, "reading libtorch's headers", log);
  return ['-include', header];
}

/** @param {{ libtorch: unknown, flags: unknown }} settings @param {{ libtorch: unknown, flags: unknown }} recorded */
const isOf = (settings, { libtorch, flags }) =>
  JSON.stringify(settings) === JSON.stringify({ libtorch, flags });

/**
 * @param {import('./find-libtorch.mjs').Libtorch} libtorch @param {string} log For the output of what fails.
 * @param {readonly string[]} passedOver Why not those before it, for `doctor`.
 * @returns {Promise<number>} How many files were compiled.
 */
async function buildWith(libtorch, log, passedOver) {
  const flags = flagsFor(libtorch, { asan });
  const record = join(build, 'build.json');
  const settings = { libtorch, flags };
  const sameSettings = existsSync(record) && isOf(settings, JSON.parse(readFileSync(record, 'utf8')));
  if (!sameSettings) {
    await probeLibtorch(libtorch, build, log);
    rmSync(record, { force: true });
  }

  // `bridge/addon`, …: objects lie in folders of the same names. In `build` are others' sources: TensorFlow's binding.
  const names = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc') && !name.startsWith('build/'))
    .map((name) => name.slice(0, -'.cc'.length));
  const objects = names.map((name) => join(build, `${name}.o`));
  const stale = names.filter(
    (name) => !sameSettings || !upToDate(join(build, `${name}.o`), join(build, `${name}.d`)),
  );
  const reading = new Set(stale.filter((name) => readsLibtorch(join(sources, `${name}.cc`))));
  const headers = reading.size < fewestForHeaders ? [] : precompileHeaders(flags, log);
  // What needs no headers meanwhile.
  const queue = [...stale.filter((name) => !reading.has(name)), ...reading];
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const included = reading.has(name) ? await headers : [];
      const object = join(build, `${name}.o`);
      const temporary = `${object}.${process.pid}.tmp`;
      mkdirSync(dirname(object), { recursive: true });
      console.log(`compiling native/${name}.cc`);
      const dependencies = ['-MMD', '-MF', join(build, `${name}.d`)];
      const source = ['-c', join(sources, `${name}.cc`), '-o', temporary];
      const options = [...flags.compile, ...included, ...dependencies, ...source];
      await runCompiler(options, `compiling native/${name}.cc`, log).catch((error) => {
        queue.length = 0; // The other job need not begin what will be thrown away.
        throw error;
      });
      renameSync(temporary, object);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: jobs }, worker));
  // Hundreds of megabytes.
  rmSync(join(build, `${headerName}.gch`), { force: true });
  const failed = ends.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;

  const orphans = readdirSync(build, { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      /^(?!asan\/|newest\/|tensorflow\/).*\.[do]$/.test(name) && !names.includes(name.slice(0, -'.o'.length)),
  );
  for (const name of orphans) rmSync(join(build, name));
  const newest = Math.max(...objects.map((object) => statSync(object).mtimeMs));
  if (orphans.length > 0 || !existsSync(output) || statSync(output).mtimeMs < newest) {
    const temporary = `${output}.${process.pid}.tmp`;
    await runCompiler([...objects, ...flags.link, '-o', temporary], 'linking', log);
    renameSync(temporary, output);
  }
  writeFileSync(record, JSON.stringify({ ...settings, passedOver }, null, 2));
  return stale.length;
}

/**
 * The same libtorch with less and less built in: where one part of it cannot be, the others may do.
 * @param {import('./find-libtorch.mjs').Libtorch} libtorch
 */
function variantsOf(libtorch) {
  const devices = libtorch.cuda ? [true, false] : [false];
  return devices.flatMap((cuda) => {
    const backends = libtorch.distributed.filter((backend) => cuda || backend !== 'nccl');
    return Array.from({ length: backends.length + 1 }, (_, without) => ({
      ...libtorch,
      cuda,
      distributed: backends.slice(0, backends.length - without),
    }));
  });
}

/**
 * Tries one libtorch after another.
 * @param {readonly import('./find-libtorch.mjs').Libtorch[]} candidates
 * @param {readonly string[]} tried Places that have none.
 */
async function buildWithFirst(candidates, tried) {
  const passedOver = [...tried];
  const variants = candidates.flatMap(variantsOf);
  for (const [i, libtorch] of variants.entries()) {
    const parts = ['CPU', ...(libtorch.cuda ? ['CUDA'] : []), ...libtorch.distributed];
    const name = `libtorch ${libtorch.version} (${libtorch.source}), ${parts.join(', ')}`;
    try {
      const compiled = await buildWith(libtorch, join(build, `libtorch-${i + 1}.log`), passedOver);
      const changed = compiled > 0 ? `compiled ${compiled} files` : 'up to date';
      for (const notice of libtorch.notices) console.log(notice);
      console.log(`${relative(root, output)}: ${name}; ${changed}`);
      return;
    } catch (error) {
      if (!(error instanceof LibtorchError)) throw error;
      const line = `${name} cannot be used: ${error.message}`;
      if (i === variants.length - 1) throw new BuildError(line);
      console.log(line);
      passedOver.push(line);
    }
  }
}

async function main() {
  const { found, tried } = findLibtorch();
  // Named by the user, it is the only one that was looked at.
  if (found.length === 0 && process.env.LIBTORCH) throw new BuildError(tried.join('; '));
  if (found.length === 0) {
    console.log('libtorch was not found. Tried:');
    for (const line of tried) console.log(`  ${line}`);
    console.log(
      'To get it: apt-get install libtorch-dev (Debian), pip install torch, or set LIBTORCH to a libtorch folder.',
    );
    throw new BuildError('the native engine needs libtorch');
  }
  mkdirSync(build, { recursive: true });
  await buildWithFirst(found, tried);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build-native: ${error.message}`);
  process.exitCode = 1;
}

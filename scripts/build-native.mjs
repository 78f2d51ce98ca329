/**
 * Builds the .cc files in native/ to native/build/locallearn.node: node scripts/build-native.mjs [--optional] [--asan]
 *
 * Compiles only what changed. With --optional a machine without libtorch is no failure. With --asan the result is
 * native/build/asan/locallearn.node, for `npm run test:asan`: under AddressSanitizer, each tensor alone on its pages,
 * up to their end, between pages that may not be touched.
 */
import { execFile } from 'node:child_process';
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
import { createRequire } from 'node:module';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findLibtorch } from './find-libtorch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'native');
const asan = process.argv.includes('--asan');
const build = asan ? join(sources, 'build', 'asan') : join(sources, 'build');
const output = join(build, 'locallearn.node');
// A file takes one to two gigabytes.
const jobs = Math.max(2, Math.min(availableParallelism(), Math.floor(freemem() / 2 ** 31)));
const run = promisify(execFile);

const compiler = process.env.CXX || 'c++';
const noCompiler = `no C++ compiler '${compiler}': install g++ (Debian: apt-get install g++) or set CXX`;

/** A failure that one line explains. */
class BuildError extends Error {}

/** @param {import('./find-libtorch.mjs').Libtorch} libtorch */
function flagsFor(libtorch) {
  const darwin = process.platform === 'darwin';
  const require = createRequire(import.meta.url);
  const { include_dir: node } = require('node-api-headers');
  const { version: headers } = require('node-api-headers/package.json');
  const compile = [
    ...[
      '-std=c++17',
      '-O3',
      '-fPIC',
      '-fvisibility=hidden',
      '-fexceptions',
      '-Wall',
      '-Wextra',
      '-DNAPI_VERSION=8',
    ],
    // As libtorch is built: some of its classes (RecordFunction) have a member more without.
    '-DNDEBUG',
    ...(asan ? ['-O1', '-g1', '-fsanitize=address', '-DLOCALLEARN_GUARD_PAGES'] : []),
    // Libtorch's parallel loops are templates: without this they would run on one thread here. The runtime itself
    // is not linked: its symbols come from the one that libtorch brings, so that there is one pool of threads.
    ...(darwin ? [] : ['-fopenmp']),
    ...(libtorch.cxx11Abi === null ? [] : [`-D_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi}`]),
    ...(libtorch.cuda ? ['-DLOCALLEARN_CUDA'] : []),
    // As system headers, these say nothing of warnings and of the time at which npm wrote them.
    ...[node, ...libtorch.includes]
      .filter((folder) => folder !== '/usr/include')
      .flatMap((folder) => ['-isystem', folder]),
  ];
  const link = [
    '-shared',
    ...(asan ? ['-fsanitize=address'] : []),
    ...(darwin ? ['-undefined', 'dynamic_lookup'] : []),
    `-L${libtorch.lib}`,
    `-Wl,-rpath,${libtorch.lib}`,
    ...['-ltorch', '-ltorch_cpu', '-lc10'],
    // Nothing here names a symbol of these; loading them is what registers the CUDA kernels.
    ...(libtorch.cuda ? ['-Wl,--no-as-needed', '-ltorch_cuda', '-lc10_cuda'] : []),
  ];
  return { compiler, compile, link, headers };
}

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

async function hasCompiler() {
  return run(compiler, ['--version']).then(
    () => true,
    () => false,
  );
}

/** @param {string[]} options @param {string} what */
async function runCompiler(options, what) {
  try {
    const { stderr } = await run(compiler, options, { maxBuffer: 1 << 26 });
    if (stderr) process.stderr.write(stderr);
  } catch (error) {
    const { code, stderr } = /** @type {{ code?: unknown, stderr?: string }} */ (error);
    if (code === 'ENOENT') throw new BuildError(noCompiler);
    process.stderr.write(stderr ?? '');
    throw new BuildError(`${what} failed`);
  }
}

/** @param {import('./find-libtorch.mjs').Libtorch} libtorch */
async function buildWith(libtorch) {
  const flags = flagsFor(libtorch);
  mkdirSync(build, { recursive: true });
  const record = join(build, 'build.json');
  const settings = JSON.stringify({ libtorch, flags }, null, 2);
  const sameSettings = existsSync(record) && readFileSync(record, 'utf8') === settings;
  if (!sameSettings) rmSync(record, { force: true });

  // `bridge/addon`, …: objects lie in folders of the same names.
  const names = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc'))
    .map((name) => name.slice(0, -'.cc'.length));
  const objects = names.map((name) => join(build, `${name}.o`));
  const stale = names.filter(
    (name) => !sameSettings || !upToDate(join(build, `${name}.o`), join(build, `${name}.d`)),
  );
  const queue = [...stale];
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const object = join(build, `${name}.o`);
      const temporary = `${object}.${process.pid}.tmp`;
      mkdirSync(dirname(object), { recursive: true });
      console.log(`compiling native/${name}.cc`);
      const dependencies = ['-MMD', '-MF', join(build, `${name}.d`)];
      const options = [...flags.compile, ...dependencies, '-c', join(sources, `${name}.cc`), '-o', temporary];
      await runCompiler(options, `compiling native/${name}.cc`).catch((error) => {
        queue.length = 0; // The other job need not begin what will be thrown away.
        throw error;
      });
      renameSync(temporary, object);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));

  const orphans = readdirSync(build, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /^(?!asan\/).*\.[do]$/.test(name) && !names.includes(name.slice(0, -'.o'.length)),
  );
  for (const name of orphans) rmSync(join(build, name));
  const newest = Math.max(...objects.map((object) => statSync(object).mtimeMs));
  if (orphans.length > 0 || !existsSync(output) || statSync(output).mtimeMs < newest) {
    const temporary = `${output}.${process.pid}.tmp`;
    await runCompiler([...objects, ...flags.link, '-o', temporary], 'linking');
    renameSync(temporary, output);
  }
  writeFileSync(record, settings);
  return stale.length;
}

async function main() {
  const optional = process.argv.includes('--optional');
  const { found, tried } = findLibtorch();
  if (!found) {
    console.log('libtorch was not found. Tried:');
    for (const line of tried) console.log(`  ${line}`);
    console.log(
      'To get it: apt-get install libtorch-dev (Debian), pip install torch, or set LIBTORCH to a libtorch folder.',
    );
    if (!optional) throw new BuildError('the native engine needs libtorch');
    console.log('Going on without the torch engine: everything works on the slower wasm engine.');
    return;
  }
  for (const notice of found.notices) console.log(notice);
  if (optional && !(await hasCompiler())) {
    console.log(`${noCompiler}. Going on without the torch engine.`);
    return;
  }
  const compiled = await buildWith(found);
  const device = found.cuda ? 'CPU and CUDA' : 'CPU';
  const changed = compiled > 0 ? `compiled ${compiled} files` : 'up to date';
  console.log(
    `${relative(root, output)}: libtorch ${found.version} (${found.source}), ${device}; ${changed}`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build-native: ${error.message}`);
  process.exitCode = 1;
}

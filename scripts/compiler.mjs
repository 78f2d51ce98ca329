/** The C++ compiler: its options for a libtorch, and what to say where it fails. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = process.env.CXX || 'c++';

/** A failure that one line explains. */
export class BuildError extends Error {}

/** The same, of one libtorch: another may do. */
export class LibtorchError extends BuildError {}

/**
 * @param {import('./find-libtorch.mjs').Libtorch} libtorch
 * @param {{ asan?: boolean }} [options]
 */
export function flagsFor(libtorch, { asan = false } = {}) {
  const darwin = process.platform === 'darwin';
  const require = createRequire(import.meta.url);
  const { include_dir: node } = require('node-api-headers');
  const { version: headers } = require('node-api-headers/package.json');
  const compile = [
    ...[
      `-std=c++${libtorch.standard}`,
      '-O3',
      '-fPIC',
      '-fvisibility=hidden',
      '-fexceptions',
      '-Wall',
      '-Wextra',
      '-DNAPI_VERSION=8',
      // As libtorch itself was built: some of its classes have other members without it.
      '-DNDEBUG',
    ],
    ...(asan ? ['-O1', '-g1', '-fsanitize=address', '-DLOCALLEARN_GUARD_PAGES'] : []),
    // Libtorch's parallel loops are templates: without this they would run on one thread here. The runtime itself
    // is not linked: its symbols come from the one that libtorch brings, so that there is one pool of threads.
    ...(darwin ? [] : ['-fopenmp']),
    ...(libtorch.cxx11Abi === null ? [] : [`-D_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi}`]),
    ...(libtorch.cuda ? ['-DLOCALLEARN_CUDA'] : []),
    ...libtorch.distributed.flatMap((backend) => [
      `-DLOCALLEARN_${backend.toUpperCase()}`,
      `-DUSE_C10D_${backend.toUpperCase()}`,
    ]),
    // As system headers, these say nothing of warnings and of the time at which npm wrote them.
    ...[node, ...libtorch.includes]
      .filter((folder) => folder !== '/usr/include')
      .flatMap((folder) => ['-isystem', folder]),
    // Last: where gloo's own headers are, they are better.
    ...(libtorch.distributed.length > 0 ? ['-isystem', join(root, 'native', 'distributed', 'stubs')] : []),
  ];
  const link = [
    '-shared',
    ...(asan ? ['-fsanitize=address'] : []),
    ...(darwin ? ['-undefined', 'dynamic_lookup'] : []),
    `-L${libtorch.lib}`,
    ...[libtorch.lib, ...libtorch.runtime].map((folder) => `-Wl,-rpath,${folder}`),
    // A run path of the old kind serves the libraries that libtorch itself loads, too.
    ...(libtorch.runtime.length > 0 && !darwin ? ['-Wl,--disable-new-dtags'] : []),
    // Not -ltorch: it has nothing but what it loads, which is all of CUDA where there is any.
    ...['-ltorch_cpu', '-lc10'],
    // Nothing here names a symbol of these; loading them is what registers the CUDA kernels.
    ...(libtorch.cuda ? ['-Wl,--no-as-needed', '-ltorch_cuda', '-lc10_cuda'] : []),
  ];
  return { compiler, compile, link, headers };
}

/**
 * What the compiler says goes to the file `log` where it fails.
 * @param {string[]} options @param {string} what For people. @param {string} log
 * @throws LibtorchError with the first error in one line. @throws BuildError if there is no compiler.
 */
export async function runCompiler(options, what, log) {
  try {
    const { stderr } = await run(compiler, options, {
      maxBuffer: 1 << 26,
      // The messages are read below.
      env: { ...process.env, LC_ALL: 'C' },
    });
    if (stderr) process.stderr.write(stderr);
  } catch (error) {
    const { code, stderr } = /** @type {{ code?: unknown, stderr?: string }} */ (error);
    if (code === 'ENOENT') {
      throw new BuildError(
        `no C++ compiler '${compiler}': install g++ (Debian: apt-get install g++) or set CXX`,
      );
    }
    throw failure(what, stderr || String(error), log);
  }
}

/**
 * Writes `output` to `log`, and makes an error of its first line that names one.
 * @param {string} what @param {string} output @param {string} log
 */
export function failure(what, output, log) {
  writeFileSync(log, output);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const reason = lines.find((line) => /\berror:|undefined reference|cannot find/.test(line)) ?? lines.at(-1);
  return new LibtorchError(`${what} failed: ${reason?.trim()} (the whole output: ${relative(root, log)})`);
}

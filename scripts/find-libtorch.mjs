/** Finding libtorch: headers, libraries, and what it was built with. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @typedef {object} Libtorch
 * @property {string} source Where it was found, for people.
 * @property {string} version
 * @property {string[]} includes Folders of headers.
 * @property {string} lib Folder of libtorch_cpu.
 * @property {boolean} cuda Whether CUDA can be built in.
 * @property {0 | 1 | null} cxx11Abi The value of _GLIBCXX_USE_CXX11_ABI it was built with; null for the compiler's own.
 * @property {string[]} notices What is missing for more.
 */

/**
 * Looks at $LIBTORCH (a folder with include/ and lib/), an installed Python package `torch`, and Debian's paths,
 * in that order. `tried` has a line for each place that did not serve.
 *
 * @param {{ environment?: NodeJS.ProcessEnv, root?: string, platform?: NodeJS.Platform }} [options] `root` stands
 *   before Debian's paths.
 * @returns {{ found: Libtorch | null, tried: string[] }}
 */
export function findLibtorch({ environment = process.env, root = '/', platform = process.platform } = {}) {
  /** @type {string[]} */
  const tried = [];
  for (const look of [inEnvironment, inPython, inSystem]) {
    const result = look({ environment, root, suffix: platform === 'darwin' ? 'dylib' : 'so' });
    if (typeof result !== 'string') return { found: result, tried };
    tried.push(result);
    // Naming a folder is a decision: a slip there must not end in another libtorch.
    if (look === inEnvironment && environment.LIBTORCH) break;
  }
  return { found: null, tried };
}

/** @typedef {{ environment: NodeJS.ProcessEnv, root: string, suffix: string }} Place */

/** @param {Place} place @returns {Libtorch | string} */
function inEnvironment({ environment, suffix }) {
  const folder = environment.LIBTORCH;
  if (!folder) return 'LIBTORCH: not set';
  return libtorchIn(folder, `LIBTORCH=${folder}`, null, environment, suffix);
}

/** @param {Place} place @returns {Libtorch | string} */
function inPython({ environment, suffix }) {
  const script =
    'import json, os, torch; print(json.dumps({"folder": os.path.dirname(torch.__file__), ' +
    '"abi": int(torch.compiled_with_cxx11_abi())}))';
  let output;
  try {
    output = execFileSync('python3', ['-c', script], {
      encoding: 'utf8',
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    return `Python's torch: ${reasonOf(error)}`;
  }
  const { folder, abi } = JSON.parse(output.trim().split('\n').at(-1) ?? '');
  return libtorchIn(folder, `Python's torch in ${folder}`, abi, environment, suffix);
}

/** @param {Place} place @returns {Libtorch | string} */
function inSystem({ environment, root, suffix }) {
  const include = join(root, 'usr/include');
  if (!existsSync(join(include, 'ATen/ATen.h'))) return `libtorch-dev: no ${include}/ATen/ATen.h`;
  const libraries = join(root, 'usr/lib');
  const folders = [libraries, ...foldersIn(libraries).filter((name) => name.includes('-linux-gnu'))];
  const lib = folders.find((folder) => existsSync(join(folder, `libtorch_cpu.${suffix}`)));
  if (!lib) return `libtorch-dev: headers, but no libtorch_cpu.${suffix} under ${libraries}`;
  return describe(`libtorch-dev in ${lib}`, include, lib, null, environment, suffix);
}

/**
 * @param {string} folder @param {string} source @param {0 | 1 | null} abi
 * @param {NodeJS.ProcessEnv} environment @param {string} suffix
 * @returns {Libtorch | string}
 */
function libtorchIn(folder, source, abi, environment, suffix) {
  const include = join(folder, 'include');
  const lib = join(folder, 'lib');
  for (const needed of [join(include, 'ATen/ATen.h'), join(lib, `libtorch_cpu.${suffix}`)]) {
    if (!existsSync(needed)) return `${source}: no ${needed}`;
  }
  return describe(source, include, lib, abi ?? abiOf(folder), environment, suffix);
}

/**
 * @param {string} source @param {string} include @param {string} lib @param {0 | 1 | null} cxx11Abi
 * @param {NodeJS.ProcessEnv} environment @param {string} suffix
 * @returns {Libtorch}
 */
function describe(source, include, lib, cxx11Abi, environment, suffix) {
  const api = join(include, 'torch/csrc/api/include');
  const includes = [include, api];
  const notices = [];
  let cuda =
    existsSync(join(lib, `libtorch_cuda.${suffix}`)) && existsSync(join(lib, `libc10_cuda.${suffix}`));
  if (cuda) {
    const headers = cudaHeaders(lib, environment);
    cuda = headers !== null;
    if (headers) includes.push(headers);
    else
      notices.push(
        'this libtorch has CUDA, but cuda_runtime_api.h was not found (set CUDA_HOME): building for the CPU',
      );
  }
  return { source, version: versionIn(includes), includes, lib, cuda, cxx11Abi, notices };
}

/**
 * The folder of the CUDA runtime's headers: the toolkit's, or that of the wheels which come with Python's torch.
 * @param {string} lib @param {NodeJS.ProcessEnv} environment
 */
function cudaHeaders(lib, environment) {
  const wheels = join(dirname(dirname(lib)), 'nvidia');
  const candidates = [environment.CUDA_HOME, environment.CUDA_PATH, ...foldersIn(wheels), '/usr/local/cuda']
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, 'include'));
  return (
    [...candidates, '/usr/include'].find((folder) => existsSync(join(folder, 'cuda_runtime_api.h'))) ?? null
  );
}

/** The ABI that a libtorch archive says it was built with. @param {string} folder @returns {0 | 1 | null} */
function abiOf(folder) {
  const config = join(folder, 'share/cmake/Torch/TorchConfig.cmake');
  const flag = existsSync(config) ? /_GLIBCXX_USE_CXX11_ABI=([01])/.exec(readFileSync(config, 'utf8')) : null;
  return flag ? (flag[1] === '1' ? 1 : 0) : null;
}

/** @param {string[]} includes */
function versionIn(includes) {
  // Newer ones only pass on what torch/headeronly says.
  const headers = includes.flatMap((folder) => [
    join(folder, 'torch/headeronly/version.h'),
    join(folder, 'torch/version.h'),
  ]);
  const text = headers
    .filter((header) => existsSync(header))
    .map((header) => readFileSync(header, 'utf8'))
    .find((content) => content.includes('TORCH_VERSION_MAJOR '));
  if (text === undefined) return 'unknown';
  const part = (/** @type {string} */ name) =>
    new RegExp(`TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? '?';
  return `${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

/** @param {string} folder */
function foldersIn(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** The line of a failed command that says why. @param {unknown} error */
function reasonOf(error) {
  const { code, stderr, message } = /** @type {{ code?: string, stderr?: string, message?: string }} */ (
    error
  );
  if (code === 'ENOENT') return 'no python3';
  return stderr?.trim().split('\n').at(-1) ?? message ?? 'failed';
}

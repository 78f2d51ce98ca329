/** Finding libtorch: headers, libraries, and what it was built with. */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cudaHeaders, wheelFolders } from './cuda-folders.mjs';
import { distributedHeaders } from './distributed-headers.mjs';
import { packageFolders, pythons } from './pythons.mjs';

/**
 * @typedef {object} Libtorch
 * @property {string} source Where it was found, for people.
 * @property {string} version
 * @property {number} standard Of C++, that its headers need: 17, 20, …
 * @property {string[]} includes Folders of headers.
 * @property {string} lib Folder of libtorch_cpu.
 * @property {string[]} runtime Folders of libraries that it loads.
 * @property {boolean} cuda Whether CUDA can be built in.
 * @property {('gloo' | 'nccl')[]} distributed What of torch.distributed (c10d) can be built in.
 * @property {0 | 1 | null} cxx11Abi The value of _GLIBCXX_USE_CXX11_ABI it was built with; null for the compiler's own.
 * @property {string[]} notices What is missing for more.
 */

/** @typedef {{ environment: NodeJS.ProcessEnv, root: string, suffix: string }} Place */

/**
 * Looks at $LIBTORCH (a folder with include/ and lib/), the package `torch` of each Python that may have it, and
 * Debian's paths, in that order. `tried` has a line for each place that has none.
 *
 * @param {{ environment?: NodeJS.ProcessEnv, root?: string, checkout?: string, platform?: NodeJS.Platform }} [options]
 *   `root` stands before the system's paths; `checkout` may hold a virtual environment.
 * @returns {{ found: Libtorch[], tried: string[] }} `found` in the order in which to try them.
 */
export function findLibtorch({
  environment = process.env,
  root = '/',
  checkout,
  platform = process.platform,
} = {}) {
  const place = { environment, root, suffix: platform === 'darwin' ? 'dylib' : 'so' };
  // Naming a folder is a decision: a slip there must not end in another libtorch.
  const looks = environment.LIBTORCH
    ? [inEnvironment]
    : [inEnvironment, ...pythons({ root, checkout }).map(inPython), inSystem];
  const results = looks.map((look) => look(place));
  const found = results.filter((result) => typeof result !== 'string');
  return {
    // Two Pythons can have one torch.
    found: found.filter(({ lib }, i) => found.findIndex((other) => other.lib === lib) === i),
    tried: results.filter((result) => typeof result === 'string'),
  };
}

/** @param {Place} place @returns {Libtorch | string} */
function inEnvironment(place) {
  const folder = place.environment.LIBTORCH;
  if (!folder) return 'LIBTORCH: not set';
  return libtorchIn(folder, `LIBTORCH=${folder}`, [], place);
}

/** @param {string} python @returns {(place: Place) => Libtorch | string} */
function inPython(python) {
  return (place) => {
    const folders = packageFolders(python, ['torch', 'nvidia'], place.environment);
    if (typeof folders === 'string') return `torch of ${python}: ${folders}`;
    const { torch = [], nvidia = [] } = folders;
    const [folder] = torch;
    if (folder === undefined) return `torch of ${python}: none`;
    const libtorch = libtorchIn(folder, `Python's torch in ${folder}`, nvidia, place);
    const debian = typeof libtorch !== 'string' && isDebians(libtorch.lib, place);
    return debian ? `torch of ${python}: links to libtorch-dev` : libtorch;
  };
}

/** Debian's packages hold a folder `torch` for Python that links to libtorch-dev. @param {string} lib @param {Place} place */
function isDebians(lib, { root, suffix }) {
  const target = realpathSync(join(lib, `libtorch_cpu.${suffix}`));
  return target.startsWith(join(root, 'usr/lib/')) && target.includes('-linux-gnu/');
}

/** @param {Place} place @returns {Libtorch | string} */
function inSystem(place) {
  const include = join(place.root, 'usr/include');
  if (!existsSync(join(include, 'ATen/ATen.h'))) return `libtorch-dev: no ${include}/ATen/ATen.h`;
  const libraries = join(place.root, 'usr/lib');
  const folders = [libraries, ...foldersIn(libraries).filter((name) => name.includes('-linux-gnu'))];
  const lib = folders.find((folder) => existsSync(join(folder, `libtorch_cpu.${place.suffix}`)));
  if (!lib) return `libtorch-dev: headers, but no libtorch_cpu.${place.suffix} under ${libraries}`;
  return describe(`libtorch-dev in ${lib}`, include, lib, null, [], place);
}

/**
 * @param {string} folder @param {string} source @param {string[]} nvidia @param {Place} place
 * @returns {Libtorch | string}
 */
function libtorchIn(folder, source, nvidia, place) {
  const include = join(folder, 'include');
  const lib = join(folder, 'lib');
  for (const needed of [join(include, 'ATen/ATen.h'), join(lib, `libtorch_cpu.${place.suffix}`)]) {
    if (!existsSync(needed)) return `${source}: no ${needed}`;
  }
  return describe(source, include, lib, abiOf(folder), [...nvidia, join(dirname(folder), 'nvidia')], place);
}

/**
 * @param {string} source @param {string} include @param {string} lib @param {0 | 1 | null} cxx11Abi
 * @param {string[]} wheels Folders `nvidia` of Python packages. @param {Place} place
 * @returns {Libtorch}
 */
function describe(source, include, lib, cxx11Abi, wheels, { environment, suffix }) {
  const includes = [include, join(include, 'torch/csrc/api/include')];
  const nvidia = [...new Set(wheels)];
  const notices = [];
  let cuda =
    existsSync(join(lib, `libtorch_cuda.${suffix}`)) && existsSync(join(lib, `libc10_cuda.${suffix}`));
  if (cuda) {
    const { folders, missing } = cudaHeaders(nvidia, environment);
    cuda = missing.length === 0;
    if (cuda) includes.push(...folders);
    else {
      notices.push(
        `${source}: it has CUDA, but ${missing.join(', ')} ${missing.length > 1 ? 'were' : 'was'} not found ` +
          '(set CUDA_HOME; beside wheels of CUDA 13: pip install nvidia-cuda-crt): building for the CPU',
      );
    }
  }
  const c10d = distributedHeaders({ include, cuda, nvidia, environment });
  notices.push(...c10d.notices.map((notice) => `${source}: ${notice}`));
  includes.push(...c10d.includes.filter((folder) => !includes.includes(folder)));
  return {
    source,
    version: versionIn(includes),
    standard: standardOf(include),
    includes,
    lib,
    runtime: wheelFolders(nvidia, 'lib'),
    cuda,
    distributed: c10d.distributed,
    cxx11Abi,
    notices,
  };
}

/** The ABI that a libtorch says it was built with. @param {string} folder @returns {0 | 1 | null} */
function abiOf(folder) {
  const config = join(folder, 'share/cmake/Torch/TorchConfig.cmake');
  const flag = existsSync(config) ? /_GLIBCXX_USE_CXX11_ABI=([01])/.exec(readFileSync(config, 'utf8')) : null;
  return flag ? (flag[1] === '1' ? 1 : 0) : null;
}

/** From the check at the top of ATen's header: 17, which the bridge needs, or later. @param {string} include */
function standardOf(include) {
  const text = readFileSync(join(include, 'ATen/ATen.h'), 'utf8');
  const years = [...text.matchAll(/__cplusplus < 20(\d\d)\d\dL/g)].map((match) => Number(match[1]));
  return Math.max(17, ...years);
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

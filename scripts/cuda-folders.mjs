/** Finding what of CUDA a build needs: the runtime's headers, and the libraries of the nvidia wheels. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What libtorch's own CUDA headers include, the last by way of the first two. */
const needed = ['cuda_runtime_api.h', 'cuda_runtime.h', 'crt/host_config.h'];

/**
 * The folders of the CUDA runtime's headers: one toolkit's, or those of the wheels that come with Python's torch, which
 * spread them; or which headers are missing where most of them are.
 * @param {readonly string[]} nvidia Folders `nvidia` of Python packages. @param {NodeJS.ProcessEnv} environment
 * @returns {{ folders: readonly string[], missing: readonly string[] }}
 */
export function cudaHeaders(nvidia, environment) {
  const toolkit = (/** @type {string | undefined} */ folder) => (folder ? [join(folder, 'include')] : []);
  const places = [
    toolkit(environment.CUDA_HOME),
    toolkit(environment.CUDA_PATH),
    wheelFolders(nvidia, 'include'),
    toolkit('/usr/local/cuda'),
    ['/usr/include'],
  ];
  return places
    .map((folders) => ({
      folders,
      missing: needed.filter((header) => !folders.some((folder) => existsSync(join(folder, header)))),
    }))
    .reduce((best, place) => (place.missing.length < best.missing.length ? place : best));
}

/**
 * Every wheel's folder of that name: nvidia/cu13/lib, nvidia/cudnn/lib, …
 * @param {readonly string[]} nvidia @param {'include' | 'lib'} name
 */
export const wheelFolders = (nvidia, name) =>
  nvidia
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((wheel) => join(folder, wheel, name)))
    .filter((folder) => existsSync(folder));

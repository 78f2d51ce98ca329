/** Finding what of torch.distributed (c10d) a build needs beside libtorch itself. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wheelFolders } from './cuda-folders.mjs';

/** @typedef {'gloo' | 'nccl'} Backend */

const folder = 'torch/csrc/distributed/c10d';

/**
 * The backends that the headers are there for. Gloo's own are not needed: names of them are in
 * native/distributed/stubs. NCCL needs nccl.h, which libtorch does not bring.
 *
 * @param {{ include: string, cuda: boolean, nvidia: readonly string[], environment: NodeJS.ProcessEnv }} libtorch
 *   `nvidia`: folders of that name of Python packages.
 * @returns {{ distributed: Backend[], includes: string[], notices: string[] }}
 */
export function distributedHeaders({ include, cuda, nvidia, environment }) {
  const has = (/** @type {string} */ name) => existsSync(join(include, folder, name));
  if (!has('ProcessGroupGloo.hpp') || !has('TCPStore.hpp')) {
    return { distributed: [], includes: [], notices: ['it has no torch.distributed: building without'] };
  }
  if (!cuda || !has('ProcessGroupNCCL.hpp')) return { distributed: ['gloo'], includes: [], notices: [] };
  const roots = [environment.NCCL_HOME, environment.CUDA_HOME, environment.CUDA_PATH, '/usr/local/cuda'];
  const places = [
    ...roots.flatMap((root) => (root ? [join(root, 'include')] : [])),
    ...wheelFolders(nvidia, 'include'),
    '/usr/include',
  ];
  const found = places.find((place) => existsSync(join(place, 'nccl.h')));
  if (found !== undefined) return { distributed: ['gloo', 'nccl'], includes: [found], notices: [] };
  const notice = 'nccl.h was not found (set NCCL_HOME): building without NCCL';
  return { distributed: ['gloo'], includes: [], notices: [notice] };
}

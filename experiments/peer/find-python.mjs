import { spawnSync } from 'node:child_process';
import { UserError } from '../../dist/core/errors.js';

/**
 * The first of these Pythons that has torch and numpy.
 * @param {readonly string[]} candidates
 * @throws UserError that says of each what it lacks.
 */
export function findPython(candidates) {
  const lacks = [];
  for (const python of candidates) {
    const { status, error, stderr } = spawnSync(python, ['-c', 'import torch, numpy'], { encoding: 'utf8' });
    if (status === 0) return python;
    lacks.push(
      `${python} (${error?.code === 'ENOENT' ? 'is not there' : stderr?.trim().split('\n').at(-1)})`,
    );
  }
  throw new UserError(
    `no Python with torch and numpy: tried ${lacks.join(', ')}; install them (Debian: python3-torch python3-numpy, ` +
      'or pip install torch numpy), or name another Python by --python',
  );
}

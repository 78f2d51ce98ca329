/**
 * Lets a bridge that came as a package (scripts/prebuilt-bridge.mjs) find the first libtorch on this machine that it
 * was built for: a link in its folder. Exits with 3 where there is no such package, and with 1, after a line that says
 * why, where it cannot be used.
 */
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibtorch } from './find-libtorch.mjs';
import { loadProblem } from './probe-libtorch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const name = `@locallearn/torch-${process.platform}-${process.arch}-cpu`;
const minorOf = (/** @type {string} */ version) => version.split('.').slice(0, 2).join('.');

/** @param {string} folder @returns {Promise<string | undefined>} Why it cannot be used. */
async function link(folder) {
  const { libtorch: built } = JSON.parse(readFileSync(join(folder, 'build.json'), 'utf8'));
  const { version: wanted } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (wanted !== version)
    return `it is of ${wanted}, locallearn of ${version}: npm install ${name}@${version}`;
  const { found } = findLibtorch();
  const fitting = found.find(
    (libtorch) =>
      minorOf(libtorch.version) === minorOf(built.version) && libtorch.cxx11Abi === built.cxx11Abi,
  );
  if (fitting === undefined) {
    const there = found.map(({ version, source }) => `${version} (${source})`).join(', ') || 'none';
    return `it needs libtorch ${minorOf(built.version)}, found ${there}: pip install torch==${built.version}, or set LIBTORCH`;
  }
  const target = join(folder, 'libtorch');
  rmSync(target, { force: true });
  symlinkSync(fitting.lib, target);
  const problem = await loadProblem(join(folder, 'locallearn.node'));
  if (problem !== undefined) {
    rmSync(target);
    return `it does not load with libtorch ${fitting.version} (${fitting.source}): ${problem.split('\n')[0]}`;
  }
  console.log(`${name}: libtorch ${fitting.version} (${fitting.source})`);
  return undefined;
}

const folder = [join(root, 'node_modules', name), join(root, '..', name)].find((each) => existsSync(each));
const problem = folder === undefined ? undefined : await link(folder);
if (problem !== undefined) console.error(`${name} cannot be used: ${problem}`);
process.exitCode = folder === undefined ? 3 : problem === undefined ? 0 : 1;

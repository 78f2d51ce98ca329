/** Getting libtensorflow as part of TensorFlow's wheel for Python, with pip: no Python is changed. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BuildError } from './compiler.mjs';
import { libtensorflowIn } from './find-libtensorflow.mjs';
import { pythons } from './pythons.mjs';

const run = promisify(execFile);

/** The version that is taken where the user names none: one that the tests were run with. */
export const testedVersion = '2.21.0';

// Nothing of the wheel is run by a Python, so that which one it was made for is all the same: one that has wheels of all
// versions from 2.12 to the tested one.
const wheelOptions = ['--no-deps', '--only-binary=:all:', '--python-version=3.11'];

const unpack = `
import sys, zipfile
wheel, folder, prefixes = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder, [name for name in archive.namelist() if name.startswith(prefixes)])`;

// The wheels that TensorFlow asks for with the extra "and-cuda", as pip takes them.
const cudaWheels = `
import email, re, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(archive.read(name))
for requirement in metadata.get_all("Requires-Dist", []):
    match = re.match(r"""(.*?)\\s*;\\s*extra\\s*==\\s*["']and-cuda["']\\s*$""", requirement)
    if match:
        print(match[1].replace("(", "").replace(")", ""))`;

/**
 * Downloads and unpacks what is needed of the wheel to a folder in `parent`, where it is not there already.
 * @param {{ parent: string, version: string, gpu: boolean }} options
 * @returns {Promise<import('./find-libtensorflow.mjs').Libtensorflow>}
 * @throws BuildError if there is no pip, or no such wheel can be had
 */
export async function fetchLibtensorflow({ parent, version, gpu }) {
  // For Arm the package without CUDA has no wheels, and the other has no CUDA.
  const name = gpu || process.arch !== 'x64' ? 'tensorflow' : 'tensorflow-cpu';
  const target = join(parent, `${name}-${version}${gpu ? '-cuda' : ''}`);
  if (!existsSync(target)) {
    const python = await pythonWithPip();
    const temporary = `${target}.${process.pid}.tmp`;
    const wheels = join(temporary, 'wheels');
    mkdirSync(wheels, { recursive: true });
    try {
      console.log(`downloading ${name} ${version}`);
      const [wheel = ''] = await download(python, [`${name}==${version}`], wheels);
      await run(python, ['-c', unpack, wheel, temporary, 'tensorflow/include/', 'tensorflow/libtensorflow']);
      if (gpu) await addCuda(python, wheel, temporary, wheels);
      rmSync(wheels, { recursive: true });
      renameSync(temporary, target);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  const found = libtensorflowIn(join(target, 'tensorflow'), `the wheel ${name} ${version}`);
  if (typeof found === 'string') throw new BuildError(`${found}; version ${version} may be too old`);
  return found;
}

/**
 * CUDA's libraries, where TensorFlow's look for them.
 * @param {string} python @param {string} wheel @param {string} folder @param {string} wheels
 */
async function addCuda(python, wheel, folder, wheels) {
  const { stdout } = await run(python, ['-c', cudaWheels, wheel]);
  const requirements = stdout.split('\n').filter((line) => line !== '');
  if (requirements.length === 0) throw new BuildError('this version of tensorflow asks for no CUDA wheels');
  console.log(`downloading ${requirements.length} wheels of CUDA (some gigabytes)`);
  for (const each of await download(python, requirements, join(wheels, 'cuda'))) {
    await run(python, ['-c', unpack, each, folder, 'nvidia/']);
    rmSync(each);
  }
}

/** @param {string} python @param {readonly string[]} requirements @param {string} folder @returns Files. */
async function download(python, requirements, folder) {
  const options = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', ...wheelOptions];
  try {
    await run(python, [...options, '--dest', folder, ...requirements]);
  } catch (error) {
    const { stderr = '' } = /** @type {{ stderr?: string }} */ (error);
    const lines = stderr.split('\n').filter((line) => line.startsWith('ERROR: '));
    const reason = lines.at(-1)?.slice('ERROR: '.length) ?? (stderr.trim() || String(error));
    throw new BuildError(`pip cannot download ${requirements.join(', ')}: ${reason}`);
  }
  return readdirSync(folder)
    .filter((file) => file.endsWith('.whl'))
    .map((file) => join(folder, file));
}

async function pythonWithPip() {
  for (const python of pythons()) {
    try {
      await run(python, ['-m', 'pip', '--version']);
      return python;
    } catch {
      // The next one may have it.
    }
  }
  throw new BuildError(
    'TensorFlow is downloaded with pip, which no Python here has (Debian: apt-get install python3-pip); or name a ' +
      'folder of libtensorflow with --library',
  );
}

/** Finding libtensorflow: the C API's headers and libraries, which TensorFlow's Python packages bring. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageFolders, pythons } from './pythons.mjs';

/**
 * @typedef {object} Libtensorflow
 * @property {string} source Where it was found, for people.
 * @property {string} include Folder of headers.
 * @property {readonly string[]} libraries Files to link.
 */

const headers = ['tensorflow/c/c_api.h', 'tensorflow/c/eager/c_api.h'];
/** Python's packages have the C API in the library of all of TensorFlow; a libtensorflow has it by itself. */
const names = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];
const framework = 'libtensorflow_framework.so.2';

/**
 * A folder with include/ and the libraries, in it or in lib/.
 * @param {string} folder @param {string} source For people. @returns {Libtensorflow | string} Or what is missing.
 */
export function libtensorflowIn(folder, source) {
  const include = join(folder, 'include');
  const header = headers.map((name) => join(include, name)).find((path) => !existsSync(path));
  if (header !== undefined) return `${source}: no ${header}`;
  const places = [folder, join(folder, 'lib')];
  const found = places.flatMap((place) =>
    names.filter((name) => existsSync(join(place, name))).map((name) => [place, name]),
  );
  const [place, name] = found[0] ?? [];
  if (place === undefined || name === undefined) return `${source}: no ${names.join(' or ')} in ${folder}`;
  if (!existsSync(join(place, framework))) return `${source}: no ${framework} in ${place}`;
  return { source, include, libraries: [join(place, name), join(place, framework)] };
}

/**
 * The TensorFlow of each Python that may have it. `tried` has a line for each that has none of use.
 * @param {{ gpu: boolean, environment?: NodeJS.ProcessEnv, root?: string, checkout?: string }} options `gpu`: only one
 *   that was built with CUDA.
 * @returns {{ found: Libtensorflow[], tried: string[] }}
 */
export function findLibtensorflow({ gpu, environment = process.env, root, checkout }) {
  const results = pythons({ root, checkout }).map((python) => {
    const folders = packageFolders(python, ['tensorflow'], environment);
    if (typeof folders === 'string') return `tensorflow of ${python}: ${folders}`;
    const [folder] = folders.tensorflow ?? [];
    if (folder === undefined) return `tensorflow of ${python}: none`;
    const source = `Python's tensorflow ${versionOf(folder)} in ${folder}`;
    if (gpu && !hasCuda(folder)) return `${source}: built without CUDA`;
    return libtensorflowIn(folder, source);
  });
  const found = results.filter((result) => typeof result !== 'string');
  return {
    // Two Pythons can have one TensorFlow.
    found: found.filter(({ include }, i) => found.findIndex((other) => other.include === include) === i),
    tried: results.filter((result) => typeof result === 'string'),
  };
}

/** From the name of the folder of what the package says of itself. @param {string} folder */
function versionOf(folder) {
  const matches = readdirSync(dirname(folder)).map((name) =>
    /^tensorflow(?:_cpu)?-(.*)\.dist-info$/.exec(name),
  );
  return matches.find((match) => match !== null)?.[1] ?? 'of unknown version';
}

/** @param {string} folder */
function hasCuda(folder) {
  const info = join(folder, 'python/platform/build_info.py');
  return existsSync(info) && /'is_cuda_build', True|'is_cuda_build': True/.test(readFileSync(info, 'utf8'));
}

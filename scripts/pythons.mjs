/** The Pythons that may have torch or TensorFlow, and where their packages are. */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ourCheckout = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The PATH's Python, the system's (another may stand before it), and that of a virtual environment in the checkout.
 * @param {{ root?: string, checkout?: string }} [options] `root` stands before the system's paths.
 */
export const pythons = ({ root = '/', checkout = ourCheckout } = {}) => [
  'python3',
  join(root, 'usr/bin/python3'),
  join(checkout, '.venv/bin/python3'),
];

// Does not import them: that takes seconds, and with torch all of CUDA.
const askPython = `
import importlib.util, json, sys
def folders(name):
    spec = importlib.util.find_spec(name)
    return list(spec.submodule_search_locations or []) if spec else []
print(json.dumps({name: folders(name) for name in sys.argv[1:]}))`;

/**
 * The folders of a Python's packages, by name; of one that it lacks none.
 * @param {string} python @param {readonly string[]} names @param {NodeJS.ProcessEnv} [environment]
 * @returns {Record<string, string[]> | string} Or why there is no answer.
 */
export function packageFolders(python, names, environment = process.env) {
  try {
    const output = execFileSync(python, ['-c', askPython, ...names], {
      encoding: 'utf8',
      // Python looks for packages where it is started, too.
      cwd: dirname(fileURLToPath(import.meta.url)),
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return JSON.parse(output.trim().split('\n').at(-1) ?? '');
  } catch (error) {
    return reasonOf(error);
  }
}

/** The line of a failed command that says why. @param {unknown} error */
function reasonOf(error) {
  const { code, stderr, message } = /** @type {{ code?: string, stderr?: string, message?: string }} */ (
    error
  );
  if (code === 'ENOENT') return 'no such Python';
  return stderr?.trim().split('\n').at(-1) || (message ?? 'failed');
}

/** Whether a libtorch will do, found out on one small file before the whole bridge is built. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { failure, flagsFor, runCompiler } from './compiler.mjs';

const run = promisify(execFile);
const source = fileURLToPath(new URL('libtorch-probe.cc', import.meta.url));
const load =
  'try { require(process.argv[1]) } catch (error) { console.error(error.message); process.exit(1) }';

/**
 * Why this file does not load in another Node; undefined where it does.
 * @param {string} addon @returns {Promise<string | undefined>}
 */
export async function loadProblem(addon) {
  try {
    await run(process.execPath, ['-e', load, addon]);
    return undefined;
  } catch (error) {
    const { stderr, signal } = /** @type {{ stderr: string, signal: string | null }} */ (error);
    return stderr.trim() || `ended by ${signal ?? 'an error'}`;
  }
}

/**
 * Compiles and links a file that includes this libtorch's headers, and loads the result in another Node.
 * @param {import('./find-libtorch.mjs').Libtorch} libtorch
 * @param {string} folder For the result. @param {string} log For the output of what fails.
 * @throws LibtorchError if one of these fails. @throws BuildError if there is no compiler.
 */
export async function probeLibtorch(libtorch, folder, log) {
  const { compile, link } = flagsFor(libtorch);
  const result = join(folder, `probe-${process.pid}.node`);
  // A symbol that is missing is told when this is loaded, not when it is first called.
  const now = process.platform === 'darwin' ? [] : ['-Wl,-z,now'];
  try {
    await runCompiler(
      [...compile, '-O0', source, ...link, ...now, '-o', result],
      'compiling a small file',
      log,
    );
    const problem = await loadProblem(result);
    if (problem !== undefined) throw failure('loading it', problem, log);
  } finally {
    rmSync(result, { force: true });
  }
}

/** Installs the engine `tensorflow`, without the download of its package: see --help. Called by tensorflow-engine.sh. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { BuildError } from './compiler.mjs';
import { fetchLibtensorflow, testedVersion } from './fetch-libtensorflow.mjs';
import { findLibtensorflow, libtensorflowIn } from './find-libtensorflow.mjs';
import { buildBinding, installPackage } from './tensorflow-package.mjs';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const parent = join(root, 'native/build/tensorflow');

const help = `bash scripts/tensorflow-engine.sh [--gpu | --cpu] [--library FOLDER | --version VERSION]

Installs the engine "tensorflow" under native/build/tensorflow: TensorFlow's package for Node without its own download,
its binding compiled for the TensorFlow that is there. Safe to run again.

  --gpu              for CUDA; the default where nvidia-smi finds a GPU
  --cpu              without
  --library FOLDER   this TensorFlow: include/, libtensorflow_framework.so.2 and libtensorflow.so.2 (or
                     libtensorflow_cc.so.2) in FOLDER or FOLDER/lib
  --version VERSION  that of this wheel, which pip downloads and nobody's Python gets

Without the last two it takes the tensorflow or tensorflow-cpu of a Python that has one (the PATH's, the system's,
.venv's), else the wheel of version ${testedVersion}.`;

function options() {
  try {
    return parseArgs({
      options: {
        gpu: { type: 'boolean', default: false },
        cpu: { type: 'boolean', default: false },
        library: { type: 'string' },
        version: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new BuildError(`${/** @type {Error} */ (error).message} (try --help)`);
  }
}

async function seesGpu() {
  try {
    return (await run('nvidia-smi', ['--list-gpus'])).stdout.includes('GPU 0');
  } catch {
    return false;
  }
}

/** @param {{ library?: string, version?: string, gpu: boolean }} options */
async function libtensorflow({ library, version, gpu }) {
  if (library !== undefined) {
    const named = libtensorflowIn(library, `--library ${library}`);
    if (typeof named === 'string') throw new BuildError(named);
    return named;
  }
  if (version === undefined) {
    const { found, tried } = findLibtensorflow({ gpu });
    if (found[0] !== undefined) return found[0];
    for (const line of tried) console.log(line);
  }
  return fetchLibtensorflow({ parent, version: version ?? testedVersion, gpu });
}

/** In a process of its own: what is wrong with a binding can end it. */
async function check() {
  try {
    const { stdout } = await run(process.execPath, [join(root, 'scripts/check-tensorflow.mjs')]);
    return stdout.trim();
  } catch (error) {
    const { stderr = '', signal } = /** @type {{ stderr?: string, signal?: string | null }} */ (error);
    const reason = stderr.split('\n').find((line) => /Error: /.test(line)) ?? `ended by ${signal ?? stderr}`;
    throw new BuildError(`it was built, but does not work: ${reason.trim()}`);
  }
}

async function main() {
  const { gpu: wantsGpu, cpu, library, version, help: wantsHelp } = options();
  if (wantsHelp) {
    console.log(help);
    return;
  }
  if (wantsGpu && cpu) throw new BuildError('--gpu or --cpu, not both');
  if (library !== undefined && version !== undefined)
    throw new BuildError('--library or --version, not both');
  if (process.platform !== 'linux') {
    throw new BuildError('this is for Linux alone; elsewhere: npm install @tensorflow/tfjs-node');
  }
  if (!existsSync(join(root, 'dist/engine/select.js'))) throw new BuildError('run "npm run build" first');
  const gpu = wantsGpu || (!cpu && (await seesGpu()));
  mkdirSync(parent, { recursive: true });
  const found = await libtensorflow({ library, version, gpu });
  const name = gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const folder = await installPackage({ parent, name });
  const compiled = await buildBinding(folder, found, join(parent, 'binding.log'));
  const description = await check();
  console.log(`engine tensorflow: ${description}`);
  console.log(
    `from ${found.source}; the binding was ${compiled ? 'compiled' : 'there'}, a convolution and its gradients are right`,
  );
  if (gpu && !description.includes('CUDA'))
    console.log('TensorFlow sees no GPU: it runs on the CPU (TF_CPP_MIN_LOG_LEVEL=0 tells why)');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`tensorflow-engine: ${error.message}`);
  process.exitCode = 1;
}

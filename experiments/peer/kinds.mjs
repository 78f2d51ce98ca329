// What a PyTorch is given to be fast.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../dist/core/errors.js';

/**
 * `plain`: as most people write it. `tuned`: channels last, the fastest SGD that it has, on a CPU jemalloc that gives no
 * memory back. `compiled`: that, and torch.compile on every unit and every auxiliary net.
 */
export const kinds = ['plain', 'tuned', 'compiled'];

const jemallocs = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/libjemalloc.so.2`);

/** The environment of a kind's process, and what allocates there. */
function allocator(kind, device) {
  if (kind === 'plain' || device !== 'cpu') return { name: 'own', environment: {} };
  const path = jemallocs.find(existsSync);
  if (path === undefined)
    throw new UserError(`--peer ${kind} needs jemalloc on a CPU: sudo apt-get install libjemalloc2`);
  return {
    name: 'jemalloc',
    environment: { LD_PRELOAD: path, MALLOC_CONF: 'dirty_decay_ms:-1,muzzy_decay_ms:-1' },
  };
}

/** A Python's version of torch. */
function torchOf(python) {
  const { stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], {
    encoding: 'utf8',
  });
  return stdout.trim();
}

/** The peers to measure: every kind in every Python. */
export function peersOf(names, pythons, device) {
  return pythons.flatMap((python) => {
    const torch = torchOf(python);
    return names.map((kind) => {
      if (kind === 'compiled' && Number(torch.split('.')[0]) < 2)
        throw new UserError(`--peer compiled needs torch 2 or later; ${python} has ${torch}`);
      return { kind, python, torch, label: `${kind}, torch ${torch}`, ...allocator(kind, device) };
    });
  });
}

/** A process of PyTorch that runs steps when asked, in this environment. */
export async function startPeer({ kind, python, environment: own }, settings, environment) {
  const program = fileURLToPath(new URL('peer.py', import.meta.url));
  const env = { ...environment, ...own };
  const child = spawn(python, [program], { stdio: ['pipe', 'pipe', 'inherit'], env });
  // Where it has ended, so have its lines, which is told below.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new UserError(`${python} ended early (what it said stands above)`);
    return JSON.parse(value);
  };
  await ask({ ...settings, kind });
  return {
    firstLosses: async () => (await ask({ losses: 1 })).losses,
    run: (what, count) => ask({ [what]: count }),
    close: () => child.stdin.end(),
  };
}

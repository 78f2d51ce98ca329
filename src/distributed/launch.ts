import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { availableParallelism, constants } from 'node:os';
import { createInterface } from 'node:readline';

/** How long ranks may take to end by themselves when one has failed: they find out who, and say it. */
const graceMilliseconds = 5000;

/**
 * Starts ranks of a Node program on this machine, each in a process group of its own and with an equal share of the
 * cores, and waits for their end. What rank 0 prints is shown; of the others their errors, each line with its rank. A
 * signal to this process goes to all of them, a second one ends them at once; where one fails, the others are ended too, and
 * one that a signal has ended, which says nothing itself, is told of.
 *
 * @param program its file, and what it is called with
 * @returns the exit code of the first that failed, 128 and the number of a signal that ended it, else 0
 */
export async function startRanks(size: number, program: readonly string[]): Promise<number> {
  const port = await freePort();
  const threads = Math.max(1, Math.floor(availableParallelism() / size));
  const ranks = Array.from({ length: size }, (_, rank) => {
    const child = spawn(process.execPath, program, {
      detached: true,
      // The channel is what `endWithLauncher` looks at.
      stdio: rank === 0 ? ['inherit', 'inherit', 'inherit', 'ipc'] : ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        OMP_NUM_THREADS: String(threads),
        ...process.env,
        RANK: String(rank),
        WORLD_SIZE: String(size),
        LOCAL_RANK: String(rank),
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: String(port),
      },
    });
    if (child.stderr !== null) {
      const lines = createInterface({ input: child.stderr });
      lines.on('line', (line) => line !== '' && process.stderr.write(`rank ${rank}: ${line}\n`));
    }
    return child;
  });
  const send = (signal: NodeJS.Signals): void => ranks.forEach((child) => signalGroup(child, signal));
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => send(signals++ === 0 ? signal : 'SIGKILL');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  let late: NodeJS.Timeout | undefined;
  let failed = 0;
  const ends = ranks.map(async (child, rank) => {
    const { code, signal } = await endOf(child);
    if (code === 0) return;
    if (failed === 0) failed = code ?? 128 + constants.signals[signal!];
    if (signal !== null && signals === 0 && late === undefined) {
      process.stderr.write(`rank ${rank}: was ended by ${signal}\n`);
    }
    late ??= setTimeout(() => send('SIGKILL'), graceMilliseconds);
  });
  try {
    await Promise.all(ends);
  } finally {
    clearTimeout(late);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
  return failed;
}

/** Where `startRanks` started this process: ends it as a signal would, should the one that started it be gone. */
export function endWithLauncher(): void {
  if (process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // It is no reason to live on.
  process.channel.unref();
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, signal);
}

/** Its exit code, or the signal that ended it. */
function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

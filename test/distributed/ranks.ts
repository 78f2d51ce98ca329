import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type * as Tf from '@tensorflow/tfjs';
import type { ProcessGroup } from '../../src/distributed/process-group.js';

const dist = (path: string): string => JSON.stringify(join(import.meta.dirname, '../../dist', path));

/** What a rank's code is given. It runs in a process of its own, so it knows nothing of where it was written. */
export interface RankContext<Input> {
  readonly group: ProcessGroup;
  readonly tf: typeof Tf;
  readonly input: Input;
  /** A module of the built package, by its path there. */
  readonly load: <Module>(path: string) => Promise<Module>;
  /** Tells the test something at once. */
  readonly tell: (text: string) => void;
}

/** A rank under way. */
export interface Rank {
  readonly child: ChildProcess;
  /** Settled when it has told that. */
  told(text: string): Promise<void>;
  /** What its code returned. @throws Error with the message of what it threw, or how it ended without */
  readonly result: Promise<unknown>;
}

/** A port of the loopback that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts ranks on this machine that all run the same code. */
export async function startRanks<Input = undefined>(
  size: number,
  code: (context: RankContext<Input>) => Promise<unknown>,
  { timeoutSeconds = 60, input }: { timeoutSeconds?: number; input?: Input } = {},
): Promise<readonly Rank[]> {
  const port = await freePort();
  return Array.from({ length: size }, (_, rank) => {
    const program = `
      import { createRequire } from 'node:module';
      import { selectEngine } from ${dist('engine/select.js')};
      import { joinProcessGroup } from ${dist('distributed/join.js')};
      import { placementIn } from ${dist('distributed/placement.js')};
      const tf = createRequire(import.meta.url)('@tensorflow/tfjs');
      const tell = (text) => process.send({ told: text });
      let last, group;
      const load = (path) => import(${dist('')} + '/' + path);
      try {
        await selectEngine('torch');
        group = await joinProcessGroup(placementIn(process.env), { timeoutSeconds: ${timeoutSeconds} });
        const result = await (${code.toString()})({ group, tf, tell, load, input: ${JSON.stringify(input)} });
        await group.close();
        last = { result };
      } catch (error) {
        last = { error: error.message, stack: error.stack, name: error.name };
        await group?.abandon(error.message);
      }
      process.send(last, () => process.disconnect());`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: {
        ...process.env,
        OMP_NUM_THREADS: '1',
        RANK: String(rank),
        WORLD_SIZE: String(size),
        LOCAL_RANK: String(rank),
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: String(port),
      },
    });
    return watch(child);
  });
}

interface Message {
  readonly told?: string;
  readonly result?: unknown;
  readonly error?: string;
  readonly stack?: string;
  readonly name?: string;
}

function watch(child: ChildProcess): Rank {
  const told = new Set<string>();
  const waiting = new Map<string, () => void>();
  let last: Message = {};
  child.on('message', (message: Message) => {
    if (message.told === undefined) {
      last = message;
      return;
    }
    told.add(message.told);
    waiting.get(message.told)?.();
  });
  const result = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (last.error !== undefined) {
        reject(new Error(last.name === 'UserError' ? last.error : last.stack));
      } else if (code === 0) resolve(last.result);
      else reject(new Error(`ended by ${signal ?? code}`));
    });
  });
  // A rank that is killed on purpose is nobody's surprise.
  result.catch(() => undefined);
  return {
    child,
    result,
    told: (text) =>
      told.has(text) ? Promise.resolve() : new Promise((resolve) => waiting.set(text, resolve)),
  };
}

/** Starts ranks, and waits for what all of them return. */
export async function runRanks<Input = undefined>(
  size: number,
  code: (context: RankContext<Input>) => Promise<unknown>,
  options: { timeoutSeconds?: number; input?: Input } = {},
): Promise<readonly unknown[]> {
  const ranks = await startRanks(size, code, options);
  try {
    return await Promise.all(ranks.map(({ result }) => result));
  } finally {
    for (const { child } of ranks) child.kill('SIGKILL');
  }
}

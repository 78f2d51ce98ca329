import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type * as Tf from '@tensorflow/tfjs';
import type { ProcessGroup } from '../../src/distributed/process-group.js';

/** What a rank's code is given. It runs in a process of its own, so it knows nothing of where it was written. */
export interface RankContext<Input> {
  readonly group: ProcessGroup;
  readonly tf: typeof Tf;
  readonly input: Input;
  /** What torchrun would have set. */
  readonly environment: NodeJS.ProcessEnv;
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

/** What torchrun would tell each of so many ranks on this machine. */
export async function rankEnvironment(size: number): Promise<(rank: number) => NodeJS.ProcessEnv> {
  const port = await freePort();
  return (rank) => ({
    RANK: String(rank),
    WORLD_SIZE: String(size),
    LOCAL_RANK: String(rank),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(port),
  });
}

interface RankOptions<Input> {
  readonly timeoutSeconds?: number;
  readonly input?: Input;
  /** How many are there, the first; all, unless it is said. */
  readonly present?: number;
}

/** Processes that have run all that they were given: to start one takes longest. */
const idle: ChildProcess[] = [];

/** Starts ranks on this machine that all run the same code, in processes that stay. */
export async function startRanks<Input = undefined>(
  size: number,
  code: (context: RankContext<Input>) => Promise<unknown>,
  { timeoutSeconds = 60, input, present = size }: RankOptions<Input> = {},
): Promise<readonly Rank[]> {
  const environment = await rankEnvironment(size);
  return Array.from({ length: present }, (_, rank) => {
    const child = idle.pop() ?? startProcess();
    const watched = watch(child);
    child.send({ code: code.toString(), environment: environment(rank), timeoutSeconds, input });
    return watched;
  });
}

function startProcess(): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'rank-process.mjs')], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Tensors go as bytes.
    serialization: 'advanced',
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  });
  // It ends when the worker does, and does not keep it.
  child.unref();
  child.channel!.unref();
  return child;
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
  const result = new Promise((resolve, reject) => {
    const onMessage = (message: Message): void => {
      if (message.told !== undefined) {
        told.add(message.told);
        waiting.get(message.told)?.();
        return;
      }
      end();
      idle.push(child);
      if (message.error === undefined) resolve(message.result);
      else reject(new Error(message.name === 'UserError' ? message.error : message.stack));
    };
    const onError = (error: Error): void => {
      end();
      reject(error);
    };
    const onClose = (code: number | null, signal: NodeJS.Signals | null): void => {
      end();
      reject(new Error(`ended by ${signal ?? code}`));
    };
    const end = (): void => void child.off('message', onMessage).off('error', onError).off('close', onClose);
    child.on('message', onMessage).on('error', onError).on('close', onClose);
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

/** Ends those that still run what they were given. */
export function killRanks(ranks: readonly Rank[]): void {
  for (const { child } of ranks) if (!idle.includes(child)) child.kill('SIGKILL');
}

/** Has ranks run the same code, and waits for what all of them return. */
export async function runRanks<Input = undefined>(
  size: number,
  code: (context: RankContext<Input>) => Promise<unknown>,
  options: RankOptions<Input> = {},
): Promise<readonly unknown[]> {
  const ranks = await startRanks(size, code, options);
  try {
    return await Promise.all(ranks.map(({ result }) => result));
  } catch (error) {
    killRanks(ranks);
    throw error;
  }
}

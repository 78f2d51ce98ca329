import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { rankEnvironment } from '../distributed/ranks.js';
import { program, type Outcome } from './helpers.js';

/** A signal that the program is sent as soon as it has said something on standard error. */
export interface SignalOn {
  readonly said: string;
  readonly signal: NodeJS.Signals;
}

type Run = (args: readonly string[], signalOn?: SignalOn) => Promise<Outcome>;
type RunWith = (
  args: readonly string[],
  signalOn: SignalOn | undefined,
  environment: NodeJS.ProcessEnv,
) => Promise<Outcome>;

/** Those of this worker, for all its test files. */
const residents: RunWith[] = [];
const residentAt = (place: number): RunWith => (residents[place] ??= newResident());

/**
 * The built command line in a process that stays, as to start one takes longest: commands are run one after another, each
 * as if alone. What a new process has to show (a run that goes on after its process was killed, commands beside one
 * another, an engine of its own) is run with `run` of `helpers.ts`.
 */
export function residentProgram(): Run {
  return (args, signalOn) => residentAt(0)(args, signalOn, {});
}

/**
 * Ranks of the same command, each in a process that stays, as torchrun would start them: the process of one that a
 * signal ends is started anew when it is needed. What needs the processes under way is for `startCommand` of `ranks.ts`.
 *
 * @param args of all, or of each by its rank
 * @param environment of all, beside what torchrun would tell them
 */
export async function residentRanks(
  size: number,
  args: readonly string[] | ((rank: number) => readonly string[]),
  environment: NodeJS.ProcessEnv = {},
): Promise<readonly Outcome[]> {
  const own = await rankEnvironment(size);
  return Promise.all(
    Array.from({ length: size }, (_, rank) =>
      residentAt(rank)(typeof args === 'function' ? args(rank) : args, undefined, {
        ...own(rank),
        ...environment,
      }),
    ),
  );
}

function newResident(): RunWith {
  let resident: ChildProcess | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return (args, signalOn, environment) => {
    const outcome = last.then(() => {
      if (resident?.exitCode !== null || resident.signalCode !== null) resident = startResident();
      return outcomeOf(resident, { args, environment }, signalOn);
    });
    last = outcome.catch(() => {});
    return outcome;
  };
}

function startResident(): ChildProcess {
  const script = join(import.meta.dirname, 'resident-process.mjs');
  const resident = spawn(process.execPath, [script, program], {
    env: { ...process.env, OMP_NUM_THREADS: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // It ends when the worker does, and does not keep it.
  resident.unref();
  resident.channel!.unref();
  for (const stream of [resident.stdout, resident.stderr]) (stream as Socket).setEncoding('utf8').unref();
  return resident;
}

/** Of one command in that process: its own code, or that of the process if the command has ended it. */
function outcomeOf(
  resident: ChildProcess,
  command: { readonly args: readonly string[]; readonly environment: NodeJS.ProcessEnv },
  signalOn: SignalOn | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const said = { stdout: '', stderr: '' };
    let code: number | null | undefined;
    let awaited = signalOn;
    const take = (name: 'stdout' | 'stderr') => (chunk: string) => {
      said[name] += chunk;
      if (awaited !== undefined && said.stderr.includes(awaited.said)) {
        resident.kill(awaited.signal);
        awaited = undefined;
      }
      settle();
    };
    const [onStdout, onStderr] = [take('stdout'), take('stderr')];
    const onMessage = (message: unknown): void => {
      code = message as number;
      settle();
    };
    const end = (outcome: Outcome): void => {
      resident.stdout!.off('data', onStdout);
      resident.stderr!.off('data', onStderr);
      resident.off('message', onMessage).off('close', onClose).off('error', reject);
      resolve(outcome);
    };
    const onClose = (exitCode: number | null): void => end({ code: exitCode, ...said });
    const settle = (): void => {
      const { stdout, stderr } = said;
      if (code === undefined || !stdout.endsWith('\0') || !stderr.endsWith('\0')) return;
      end({ code, stdout: stdout.slice(0, -1), stderr: stderr.slice(0, -1) });
    };
    resident.stdout!.on('data', onStdout);
    resident.stderr!.on('data', onStderr);
    resident.on('message', onMessage).on('close', onClose).on('error', reject);
    resident.send(command);
  });
}

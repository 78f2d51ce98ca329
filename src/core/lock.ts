import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { UserError } from './errors.js';

/** A lock without content is being written, or was when its process or the machine ended; after this it counts as that. */
const emptySeconds = 5;

/**
 * Takes the lock file at `path` for this process and returns what gives it back. A lock whose process is gone is
 * taken over, also where another process has its number by now (where the system tells when a process began).
 * @param claim in the message if it is held: `toys: another process is fetching it`
 * @throws UserError if another process has it
 */
export function takeLock(path: string, claim: string): () => void {
  while (!create(path)) {
    const content = readIfThere(path);
    if (content === undefined) continue;
    const holder = parseHolder(content);
    if (holder ? isAlive(holder) : content !== '' || isRecent(path)) {
      const who = holder ? ` (process ${holder.pid} on ${holder.host})` : '';
      throw new UserError(`${claim}${who}: wait for that one, or, if there is none, remove ${path}`);
    }
    removeStale(path, content);
  }
  let held = true;
  return () => {
    if (held) rmSync(path, { force: true });
    held = false;
  };
}

function create(path: string): boolean {
  const started = startOf(process.pid);
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    ...(started === undefined ? {} : { started }),
  };
  try {
    writeFileSync(path, JSON.stringify(holder), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isRecent(path: string): boolean {
  const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - written < 1000 * emptySeconds;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Takes away the lock that was found stale; one that has come in its place meanwhile is put back. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') === stale) rmSync(aside);
  else renameSync(aside, path);
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in a unit of its own; only where the system tells. */
  readonly started?: string;
}

/** Undefined for a lock that is just being written, or that is none of ours. */
function parseHolder(content: string): Holder | undefined {
  const [, pid, host, started] =
    /^\{"pid":(\d+),"host":"([^"]*)"(?:,"started":"(\d+)")?\}$/.exec(content) ?? [];
  if (pid === undefined || host === undefined) return undefined;
  return { pid: Number(pid), host, ...(started === undefined ? {} : { started }) };
}

/** Of a process on another machine that cannot be told, so it counts as alive. */
function isAlive({ pid, host, started }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Without permission to signal it, it is alive all the same.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return started === undefined || (startOf(pid) ?? started) === started;
}

/** Linux: clock ticks from the machine's start to the process's. */
function startOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The second field, the program's name in brackets, may hold anything; the 22nd is the start.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { UserError } from '../../errors.js';

/**
 * Takes the lock file at `path` for this process and returns what gives it back. A lock whose process is gone is
 * taken over.
 * @param what in the message if it is held: what is locked
 * @throws UserError if another process has it
 */
export function takeLock(path: string, what: string): () => void {
  while (!create(path)) {
    const content = readIfThere(path);
    if (content === undefined) continue;
    const holder = parseHolder(content);
    if (!holder || isAlive(holder)) {
      const who = holder ? ` (process ${holder.pid} on ${holder.host})` : '';
      throw new UserError(
        `${what}: another process is fetching it${who}: wait for that one, or, if there is none, remove ${path}`,
      );
    }
    removeStale(path, content);
  }
  return () => rmSync(path, { force: true });
}

function create(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
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
}

/** Undefined for a lock that is just being written, or that is none of ours. */
function parseHolder(content: string): Holder | undefined {
  const [, pid, host] = /^\{"pid":(\d+),"host":"([^"]*)"\}$/.exec(content) ?? [];
  return pid === undefined || host === undefined ? undefined : { pid: Number(pid), host };
}

/** Of a process on another machine that cannot be told, so it counts as alive. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Without permission to signal it, it is alive all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

import type { Stats } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { messageOf, UserError } from './errors.js';
import { missingAt } from './shown.js';

/**
 * The bytes of a file that has to be exactly `bytes` long; its size is looked at before anything is read.
 * @param help what to do when the file is missing, as the end of the error's line
 * @throws UserError if the file is missing, cannot be read, or has another size
 */
export async function readExactly(path: string, bytes: number, help: string): Promise<Buffer> {
  const content = await readChecked(path, help, (size) => refuseOther(path, bytes, size));
  // It may have been cut between the look at its size and the reading.
  refuseOther(path, bytes, content.length);
  return content;
}

/**
 * As `readExactly`, in two steps: first the look at the file's size, then, once there is an array for it, the content,
 * which is so never held twice.
 */
export async function checkSize(path: string, bytes: number, help: string): Promise<void> {
  await reading(path, help, async () => refuseOther(path, bytes, (await statFile(path)).size));
}

/** Fills `target` with a file that has to be exactly as long; see `checkSize`. */
export async function readInto(path: string, target: Uint8Array, help: string): Promise<void> {
  await reading(path, help, async () => {
    await statFile(path);
    const file = await open(path);
    try {
      refuseOther(path, target.length, (await file.stat()).size);
      for (let filled = 0; filled < target.length;) {
        const { bytesRead } = await file.read(target, filled, target.length - filled, filled);
        if (bytesRead === 0) refuseOther(path, target.length, filled);
        filled += bytesRead;
      }
    } finally {
      await file.close();
    }
  });
}

/** The bytes of a file, once `check` has let its size pass; errors as `readExactly`'s. */
export async function readChecked(
  path: string,
  help: string,
  check?: (size: number) => void,
): Promise<Buffer> {
  return reading(path, help, async () => {
    check?.((await statFile(path)).size);
    return readFile(path);
  });
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Whether the error says that a file, or a folder on the way to it, is not there. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Does what reads a file, and puts what goes wrong on one line. */
export async function reading<T>(path: string, help: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isMissing(error)) throw new UserError(`${missingAt(path)}: ${help}`);
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Of a plain file: a pipe would keep whoever opens it waiting. */
export async function statFile(path: string): Promise<Stats> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new UserError(`${path} is no file, but a folder, pipe or device`);
  return stats;
}

function refuseOther(path: string, expected: number, found: number): void {
  if (found === expected) return;
  throw new UserError(
    `${path}: expected ${expected} bytes, found ${found}; the file is ${found < expected ? 'truncated' : 'not the official one'}, get it anew`,
  );
}

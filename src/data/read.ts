import { readFile, stat } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.js';

/**
 * The bytes of a file that has to be exactly `bytes` long; its size is looked at before anything is read.
 * @param help what to do when the file is missing, as the end of the error's line
 * @throws UserError if the file is missing, cannot be read, or has another size
 */
export async function readExactly(path: string, bytes: number, help: string): Promise<Buffer> {
  const refuse = (found: number): UserError =>
    new UserError(
      `${path}: expected ${bytes} bytes, found ${found}; the file is ${found < bytes ? 'truncated' : 'not the official one'}, get it anew`,
    );
  const content = await readChecked(path, help, (size) => {
    if (size !== bytes) throw refuse(size);
  });
  // It may have been cut between the look at its size and the reading.
  if (content.length !== bytes) throw refuse(content.length);
  return content;
}

/** The bytes of a file, once `check` has let its size pass; errors as `readExactly`'s. */
export async function readChecked(
  path: string,
  help: string,
  check?: (size: number) => void,
): Promise<Buffer> {
  try {
    check?.((await stat(path)).size);
    return await readFile(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isMissing(error)) throw new UserError(`${path} is missing: ${help}`);
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Whether the error says that a file, or a folder on the way to it, is not there. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

import { join } from 'node:path';
import { UserError } from '../core/errors.js';

/** Something of a run could not be written. */
export class WriteFailure extends UserError {}

/** By the operating system's code: what is wrong, and what to do. */
const reasons: Readonly<Record<string, readonly [string, string]>> = {
  ENOSPC: ['the disk is full', 'make room'],
  EDQUOT: ['your quota of the disk is used up', 'make room'],
  EFBIG: ['the file would be larger than files may be', 'raise the limit (ulimit -f)'],
  EACCES: ['permission denied', 'allow writing'],
  EPERM: ['permission denied', 'allow writing'],
  EROFS: ['the file system is read-only', 'allow writing'],
  EIO: ['the disk reports an error', 'see to the disk'],
};

/**
 * Runs what writes `file`, or files in the folder `file`. All that is written into a run's folder or beside runs goes
 * through here.
 *
 * @param then what to do when there is room again
 * @throws WriteFailure for an operating system's error, in one line; any other error as it is
 */
export function writing<T>(file: string, write: (file: string) => T, then?: string): T {
  try {
    return write(file);
  } catch (error) {
    throw explainWrite(error, file, then);
  }
}

/** As `writing` throws it. */
export function explainWrite(error: unknown, file: string, then?: string): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const [reason, remedy] = reasons[code ?? ''] ?? [error.message, 'see to that'];
  const place = path?.startsWith(file) === true ? path : file;
  return new WriteFailure(
    `${place}: cannot be written, ${reason}: ${remedy}${then === undefined ? '' : `, then ${then}`}`,
    { cause: error },
  );
}

/** What to type to go on with a run. */
export function resumeCommand(runFolder: string): string {
  return `locallearn train --resume ${shellWord(runFolder)}`;
}

/** What to type to train a run that nothing is left of again, from the start. */
export function anewCommand(runFolder: string): string {
  return `locallearn train ${shellWord(join(runFolder, 'config.yaml'))}`;
}

/** The text as one word of a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

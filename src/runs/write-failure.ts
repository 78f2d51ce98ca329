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
 * An operating system's error while `file` was written as a WriteFailure, whose one line says how to go on with the run
 * in the folder, where there is one; any other error as it is.
 */
export function explainWrite(error: unknown, file: string, runFolder?: string): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const [reason, remedy] = reasons[code ?? ''] ?? [error.message, 'see to that'];
  const then = runFolder === undefined ? '' : `, then go on with: ${resumeCommand(runFolder)}`;
  const place = path?.startsWith(file) === true ? path : file;
  return new WriteFailure(`${place}: cannot be written, ${reason}: ${remedy}${then}`, { cause: error });
}

/** What to type to go on with a run. */
export function resumeCommand(runFolder: string): string {
  return `locallearn train --resume ${shellWord(runFolder)}`;
}

/** The text as one word of a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

import { messageOf, UserError } from '../errors.js';
import { Interrupted } from './interrupts.js';

/** Wrong arguments on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const exitCodes = { failure: 1, usage: 2, defect: 70 } as const;

/**
 * What to print on standard error for anything thrown, and the exit code: a line for each thing that the user can
 * mend, a stack only for a defect of this program, or where `LOCALLEARN_DEBUG` asks for it.
 */
export function reportOf(error: unknown, debug: boolean): { text: string; exitCode: number } {
  if (error instanceof Interrupted) return { text: '', exitCode: error.exitCode };
  const usage = error instanceof UsageError;
  if (usage || error instanceof UserError || isSystemError(error)) {
    const lines = messageOf(error)
      .split('\n')
      .map((line) => `error: ${line}\n`);
    const help = usage ? 'see "locallearn --help"\n' : '';
    const stack = debug ? stackOf(error) : '';
    return { text: lines.join('') + help + stack, exitCode: usage ? exitCodes.usage : exitCodes.failure };
  }
  const text = `error: ${messageOf(error)}\nthis is a defect of locallearn, please report it with these lines:\n`;
  return { text: text + stackOf(error), exitCode: exitCodes.defect };
}

/** A full disk, a folder without permission: the operating system's own words say what to mend. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? `${error.stack ?? error.message}\n` : '';
}

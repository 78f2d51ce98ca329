import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { isSystemError, messageOf, UserError } from '../core/errors.js';
import { foreignFrame, notedPlugins } from '../core/foreign-frame.js';
import { framesOf, stackOf } from '../core/stack.js';
import { asError } from '../core/their-code.js';
import { Interrupted } from './interrupts.js';

/** Wrong arguments on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const exitCodes = { failure: 1, usage: 2, defect: 70 } as const;

/** Of every command. */
export const exitCodesHelp =
  'Results go to standard output, progress, notes and errors to standard error. Exit codes: 0 done; 1 failed, and the message says what to do; 2 wrong arguments; 70 a defect of locallearn; 130 and 143 ended by Ctrl-C and by SIGTERM.';

/**
 * What to print on standard error for anything thrown, and the exit code: a line for each thing that the user can
 * mend, a stack only for a defect of this program, or where `LOCALLEARN_DEBUG` asks for it.
 *
 * @param command whose help wrong arguments are answered with: `data fetch`; by default the program's
 */
export function reportOf(thrown: unknown, debug: boolean, command = ''): { text: string; exitCode: number } {
  if (thrown instanceof Interrupted) return { text: '', exitCode: thrown.exitCode };
  const plugins = notedPlugins();
  // Wherever a phase of the work has not said so itself; what is no error was thrown by nobody here.
  const error = outOfMemoryIn(
    'locallearn',
    'ask for less at once, or free memory on this machine',
    plugins.length === 0 ? thrown : asError(thrown, plugins.join(' or ')),
  );
  const usage = error instanceof UsageError;
  if (usage || error instanceof UserError || isSystemError(error)) {
    const lines = messageOf(error)
      .split('\n')
      .map((line) => `error: ${line}\n`);
    const help = usage
      ? `see "${['locallearn', command, '--help'].filter((word) => word !== '').join(' ')}"\n`
      : '';
    const stack = debug ? stackOf(error) : '';
    return { text: lines.join('') + help + stack, exitCode: usage ? exitCodes.usage : exitCodes.failure };
  }
  const foreign = foreignFrame(framesOf(stackOf(error)));
  const [whose, exitCode] =
    foreign === undefined
      ? ['this is a defect of locallearn, please report it with these lines:', exitCodes.defect]
      : [
          `it comes from ${foreign.file}:${foreign.line}:${foreign.column}, which is not part of locallearn:`,
          exitCodes.failure,
        ];
  return { text: `error: ${messageOf(error)}\n${whose}\n${stackOf(error)}`, exitCode };
}

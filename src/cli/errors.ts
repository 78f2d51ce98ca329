import { fileURLToPath } from 'node:url';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { isSystemError, messageOf, UserError } from '../core/errors.js';
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
  // Wherever a phase of the work has not said so itself.
  const error = outOfMemoryIn('locallearn', 'ask for less at once, or free memory on this machine', thrown);
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
  const foreign = foreignFrame(error);
  const [whose, exitCode] =
    foreign === undefined
      ? ['this is a defect of locallearn, please report it with these lines:', exitCodes.defect]
      : [`it comes from ${foreign}, which is not part of locallearn:`, exitCodes.failure];
  return { text: `error: ${messageOf(error)}\n${whose}\n${stackOf(error)}`, exitCode };
}

/** The first place in the error's stack that is in a plugin: neither in this program nor in a package nor in Node. */
function foreignFrame(error: unknown): string | undefined {
  const program = new URL('..', import.meta.url).href;
  return stackOf(error)
    .split('\n')
    .map((line) => /^ *at .*?(file:\/\/.*:\d+:\d+)\)?$/.exec(line)?.[1])
    .find((place) => place !== undefined && !place.startsWith(program) && !place.includes('/node_modules/'))
    ?.replace(/^(.*?)((:\d+){2})$/, (_, url: string, position: string) => fileURLToPath(url) + position);
}

function stackOf(error: unknown): string {
  const all = error instanceof Error ? [error, error.cause] : [];
  return all.map((each) => (each instanceof Error ? `${each.stack ?? each.message}\n` : '')).join('');
}

import { constants } from 'node:os';
import { shellWord } from '../runs/write-failure.js';

/** Thrown out of a command that a signal ended: the process exits with this code. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly exitCode: number) {
    super('interrupted');
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs `work` with a signal that Ctrl-C or a termination request aborts: the work ends cleanly at its next step. A
 * second one ends the process at once. Throws `Interrupted` if `work` returned after a signal.
 *
 * @param stopping what to say on the first, if anything; by default that the step at hand is ended first
 */
export async function withInterrupts(
  work: (signal: AbortSignal) => Promise<void>,
  stopping = 'stopping after this step; once more to stop at once',
): Promise<void> {
  const controller = new AbortController();
  let exitCode = 0;
  const onSignal = (name: (typeof signals)[number]): void => {
    // By the shell's convention a process that a signal ended has 128 plus its number.
    exitCode = 128 + constants.signals[name];
    if (controller.signal.aborted) process.exit(exitCode);
    if (stopping !== '') process.stderr.write(`\n${stopping}\n`);
    controller.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
  if (controller.signal.aborted) throw new Interrupted(exitCode);
}

/**
 * Runs `work`. Until it calls `begun`, a signal ends the process at once: nothing is there yet that could be ended well.
 */
export async function endingAtOnce<T>(work: (begun: () => void) => Promise<T>): Promise<T> {
  const end = (name: NodeJS.Signals): void => process.exit(128 + constants.signals[name]);
  const begun = (): void => signals.forEach((name) => process.off(name, end));
  // Before those who would say that something is ended first.
  for (const name of signals) process.prependListener(name, end);
  try {
    return await work(begun);
  } finally {
    begun();
  }
}

/** What was typed, as a shell takes it again. */
export function commandLine(): string {
  return ['locallearn', ...process.argv.slice(2).map(shellWord)].join(' ');
}

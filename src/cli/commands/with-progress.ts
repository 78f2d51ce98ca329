import { withInterrupts } from '../interrupts.js';
import { amountProgress, type AmountProgress } from './amount-progress.js';

/**
 * Runs `work`, which shows how far it is, with a signal that Ctrl-C or a termination request aborts. What it throws after
 * that is its way to stop, and not told.
 */
export function withProgress(
  quiet: boolean,
  work: (progress: AmountProgress, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const progress = amountProgress(process.stderr, quiet);
  return withInterrupts(async (signal) => {
    try {
      await work(progress, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      progress.end();
    }
  });
}

import type { MethodConfig } from '../config/method-config.js';
import { UserError } from '../core/errors.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import type { Placement } from '../distributed/placement.js';
import type { Experiment } from '../runs/experiment.js';
import type { FinishedRun, RunOptions } from '../runs/run.js';
import { endingAtOnce } from './interrupts.js';

/** Whether a process says what is to be known and no error: of ranks on one machine the first does for all. */
export function tellsNotes(placement: Placement | undefined): boolean {
  return placement === undefined || placement.localRank === 0;
}

/**
 * Runs f on the first of the ranks that were started together to train the blocks of a network; the others train their
 * part of it.
 *
 * @returns undefined on these
 * @throws UserError where no ranks were started, or one is missing or lost
 */
export async function onRanks(
  placement: Placement | undefined,
  experiment: Experiment,
  method: MethodConfig,
  options: Omit<RunOptions, 'parent'>,
  f: (options: Omit<RunOptions, 'parent'>) => Promise<FinishedRun>,
): Promise<FinishedRun | undefined> {
  const { parallel } = experiment.config;
  if (typeof parallel !== 'object') throw new Error('the config does not put blocks on ranks');
  if (placement === undefined) {
    throw new UserError(
      `parallel.blocks: no ranks were started: start them with --parallel blocks=${parallel.blocks}${parallel.data === 1 ? '' : `,data=${parallel.data}`}, or with torchrun, or leave out parallel`,
    );
  }
  // TensorFlow.js takes longest to load.
  const { checkRankCount, divideRanks, joinRun } = await import('../runs/block-ranks.js');
  const { joined } = await import('../runs/ranks.js');
  checkRankCount(placement.size, parallel);
  return endingAtOnce((begun) =>
    joined(placement, async (all, joinPart) => {
      const blockRanks = await divideRanks(experiment, all, parallel, joinPart);
      begun();
      if (all.rank === 0) return f({ ...options, blockRanks });
      await joinRun(experiment, method, blockRanks, options.signal);
      return undefined;
    }),
  );
}

/**
 * Runs `lead` on the first of the ranks that share every batch, and where there are none, and `along` on the others.
 *
 * @returns undefined on these
 * @throws UserError as `withRanks`
 */
export async function onShares(
  placement: Placement | undefined,
  config: Experiment['config'],
  lead: (ranks: ProcessGroup | undefined) => Promise<FinishedRun>,
  along: (ranks: ProcessGroup) => Promise<void>,
): Promise<FinishedRun | undefined> {
  const { withRanks } = await import('../runs/ranks.js');
  return endingAtOnce((begun) =>
    withRanks(placement, config, async (ranks) => {
      begun();
      if (ranks === undefined || ranks.rank === 0) return lead(ranks);
      await along(ranks);
      return undefined;
    }),
  );
}

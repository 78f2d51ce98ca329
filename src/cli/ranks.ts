import type { MethodConfig } from '../config/method-config.js';
import { UserError } from '../core/errors.js';
import { joinProcessGroup, usualTimeoutSeconds } from '../distributed/join.js';
import { placementIn } from '../distributed/placement.js';
import { joinRun } from '../runs/block-ranks.js';
import type { Experiment } from '../runs/experiment.js';
import type { FinishedRun, RunOptions } from '../runs/run.js';

/**
 * Runs f on a process by itself, and on the first of the ranks that were started together (`RANK`, `WORLD_SIZE`, …); the
 * others train their part of it.
 *
 * @returns undefined on these
 * @throws UserError where the config does not say how ranks share the training, or it does and there are none
 */
export async function onRanks(
  experiment: Experiment,
  method: MethodConfig,
  options: Omit<RunOptions, 'parent'>,
  f: (options: Omit<RunOptions, 'parent'>) => Promise<FinishedRun>,
): Promise<FinishedRun | undefined> {
  const { parallel } = experiment.config;
  const placement = placementIn(process.env);
  if (parallel === undefined && (placement?.size ?? 1) === 1) return f(options);
  if (parallel === undefined) {
    throw new UserError(
      `${placement!.size} ranks were started, and the config does not say how they share the training: set parallel.blocks=${placement!.size}`,
    );
  }
  if (placement === undefined) {
    throw new UserError(
      `parallel.blocks: no ranks were started: start them with torchrun --no-python --nproc-per-node ${parallel.blocks} npx locallearn train …, or leave out parallel`,
    );
  }
  const group = await joinProcessGroup(placement, { timeoutSeconds: usualTimeoutSeconds });
  const ranks = { group, parallel };
  try {
    if (group.rank === 0) return await f({ ...options, ranks });
    await joinRun(experiment, method, ranks, options.signal);
    return undefined;
  } finally {
    await group.close();
  }
}

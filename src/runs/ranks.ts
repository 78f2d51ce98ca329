import { messageOf, UserError } from '../core/errors.js';
import { joinProcessGroup, usualTimeoutSeconds } from '../distributed/join.js';
import type { PartOfRanks } from '../distributed/mesh.js';
import type { Placement } from '../distributed/placement.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import type { ChosenMethod } from '../measure/memory/choose-cuts.js';
import { takeState } from '../train/give-state.js';
import { train } from '../train/trainer.js';
import type { Experiment } from './experiment.js';
import { withStrategy } from './method-strategy.js';
import { trainingSettings } from './training-settings.js';
import { agreeToTrain } from './agree.js';

/**
 * Joins the ranks that this process was started with, for as long as f runs. Seconds that a rank waits for another:
 * `LOCALLEARN_PEER_SECONDS`, by default 300.
 *
 * @throws UserError if a rank is missing or lost, or the config does not say how ranks share the work
 */
export async function withRanks<T>(
  placement: Placement | undefined,
  { parallel }: Experiment['config'],
  f: (ranks: ProcessGroup | undefined) => Promise<T>,
): Promise<T> {
  if (placement === undefined || placement.size === 1) return f(undefined);
  if (parallel === undefined) {
    throw new UserError(
      `this is one of ${placement.size} ranks, but the config does not say how they share the work: add --parallel data, or --set parallel.blocks=${placement.size}`,
    );
  }
  return joined(placement, f);
}

/**
 * Joins the ranks, as `withRanks`, whatever they share.
 *
 * @param f is given all ranks, and what joins those of a part; all of a part have to
 */
export async function joined<T>(
  placement: Placement,
  f: (ranks: ProcessGroup, joinPart: (part: PartOfRanks) => Promise<ProcessGroup>) => Promise<T>,
): Promise<T> {
  const asked = process.env['LOCALLEARN_PEER_SECONDS'];
  if (asked !== undefined && !/^[1-9]\d{0,5}$/.test(asked)) {
    throw new UserError(`LOCALLEARN_PEER_SECONDS must be a whole number of seconds, got '${asked}'`);
  }
  const timeoutSeconds = asked === undefined ? usualTimeoutSeconds : Number(asked);
  const ranks = await joinProcessGroup(placement, { timeoutSeconds });
  /** Rank 0 may be the place where they meet: it leaves last. */
  const groups: ProcessGroup[] = [ranks];
  try {
    const result = await f(ranks, async (part) => {
      const group = await joinProcessGroup(placement, { timeoutSeconds, part: { ...part, within: ranks } });
      groups.unshift(group);
      return group;
    });
    for (const group of groups) await group.close();
    return result;
  } catch (error) {
    for (const group of groups) await group.abandon(messageOf(error));
    throw error;
  }
}

/**
 * Trains as a rank that records nothing: rank 0 does, and says where the run goes on.
 *
 * @throws UserError where this is another version or config than rank 0's, and as `train`
 */
export async function trainAlong(
  experiment: Experiment,
  { method: given }: ChosenMethod,
  ranks: ProcessGroup,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { dataset } = experiment;
  const method = await agreeToTrain(ranks, experiment, given);
  if (method === undefined) return;
  await withStrategy(experiment, method, async (strategy) => {
    const resume = await takeState(ranks);
    await train(strategy, dataset, {
      ...trainingSettings(experiment, method),
      signal,
      ranks,
      resume,
    });
  });
}

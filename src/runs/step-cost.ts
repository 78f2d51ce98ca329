import { countMultiplyAdds, type MultiplyAddsCount } from '../engine/multiply-adds.js';
import { stepMultiplyAdds } from '../local/cost.js';
import type { StepCost } from '../local/step-cost.js';
import type { Strategy } from '../local/strategy.js';
import type { TrainEvent } from '../train/events.js';
import type { RankUse } from '../train/rank-use.js';

/** Watches a training and counts the multiply-adds of one of its steps. */
export interface StepCostWatch {
  /** To be told of every event. Returns a cost that is new: of a whole batch, or until there was one of the largest. */
  event(event: TrainEvent): StepCost | undefined;
  close(): void;
}

/**
 * Counts the first steps, until one has had a whole batch.
 *
 * @param known of an earlier process that trained the same run
 */
export function watchStepCost(
  strategy: Strategy,
  batchSize: number,
  known: StepCost | undefined,
): StepCostWatch {
  let cost = known;
  let count: MultiplyAddsCount | undefined;
  const close = (): void => {
    count?.close();
    count = undefined;
  };
  const isDone = (): boolean => cost !== undefined && cost.images >= batchSize;
  return {
    event(event) {
      if (event.type !== 'epoch-start' && event.type !== 'step') return undefined;
      // Steps follow one another from an epoch's start on; what comes after the last is evaluation.
      const counted = count?.counted;
      close();
      let found: StepCost | undefined;
      if (event.type === 'step' && counted !== undefined && event.images > (cost?.images ?? 0)) {
        found = cost = { images: event.images, ...stepMultiplyAdds(strategy, counted) };
      }
      const goesOn = event.type === 'epoch-start' || event.step < event.steps;
      if (goesOn && !isDone()) count = countMultiplyAdds();
      return found;
    },
    close,
  };
}

/** Adds up what ranks have counted of the step that each computes a part of. */
export function watchRanksCost(known: StepCost | undefined): StepCostWatch {
  let cost = known;
  return {
    event(event) {
      if (event.type !== 'ranks') return undefined;
      const found = sumOver(event.ranks);
      if (found === undefined || found.images <= (cost?.images ?? 0)) return undefined;
      return (cost = found);
    },
    close: () => {},
  };
}

/** Undefined where one has had no step. */
function sumOver(ranks: readonly RankUse[]): StepCost | undefined {
  const costs = ranks.flatMap(({ multiplyAdds }) => multiplyAdds ?? []);
  if (costs.length < ranks.length) return undefined;
  const sum = (of: (cost: StepCost) => number): number => costs.reduce((total, cost) => total + of(cost), 0);
  // Ranks with later blocks have the images of those with the first.
  const hasFirst = costs.map((_, rank) => (ranks[rank]!.blocks?.[0] ?? 1) === 1);
  const images = costs.reduce((total, cost, rank) => total + (hasFirst[rank]! ? cost.images : 0), 0);
  return { images, network: sum(({ network }) => network), auxiliary: sum(({ auxiliary }) => auxiliary) };
}

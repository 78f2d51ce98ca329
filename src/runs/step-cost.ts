import { countMultiplyAdds, type MultiplyAddsCount } from '../engine/multiply-adds.js';
import { stepMultiplyAdds, type StepCost } from '../local/cost.js';
import type { Strategy } from '../local/strategy.js';
import type { TrainEvent } from '../train/events.js';

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

import type * as tf from '@tensorflow/tfjs';
import { countingInto } from '../engine/multiply-adds.js';
import { stepMultiplyAdds } from '../local/cost.js';
import type { StepCost } from '../local/step-cost.js';
import type { Strategy } from '../local/strategy.js';

/** What this process's training steps have come to, as one of several ranks. */
export interface RankTally {
  steps: number;
  /** Sent to the ranks beside it, or summed with all others. */
  bytes: number;
  /** Spent waiting for other ranks. */
  waitSeconds: number;
  /** The most while an update ran. */
  peakBytes: number;
  /** Of what it computes itself, in the step that had most images. */
  cost: StepCost | undefined;
}

export const newRankTally = (): RankTally => ({
  ...{ steps: 0, bytes: 0, waitSeconds: 0, peakBytes: 0 },
  cost: undefined,
});

/** Counts the multiply-adds of a training step. */
export interface StepCount {
  /** Counts what f computes. */
  during<T>(f: () => T): T;
  /** To be called when all of the step is counted. */
  end(): void;
}

/** A count for a tally, which does nothing where an earlier step had as many images. */
export function stepCount(use: RankTally, strategy: Strategy, images: number): StepCount {
  if (images <= (use.cost?.images ?? 0)) return { during: (f) => f(), end: () => {} };
  const counted = new Map<tf.Tensor | undefined, number>();
  return {
    during: (f) => countingInto(counted, f),
    end: () => {
      // A rank that lends a block begins the next step, an epoch's smaller last one perhaps, before this one ends.
      if (images > (use.cost?.images ?? 0)) use.cost = { images, ...stepMultiplyAdds(strategy, counted) };
    },
  };
}

import type * as tf from '@tensorflow/tfjs';

/** Ranks with a share of every batch each, which add up in the middle of a computation: batch statistics of all shares. */
export interface RankSums {
  readonly rank: number;
  readonly size: number;
  /** How much of the batch this rank's share is, 0…1: the factor of its loss in that of the whole batch. */
  readonly weight: number;
  /**
   * Sums over the ranks, in place, and waits for it: all ranks have to come to the same sums in the same order.
   *
   * @param values share their data with no other tensor
   */
  readonly sum: (values: tf.Tensor) => void;
}

let current: RankSums | undefined;

/** Those of the computation that is under way; undefined where batch statistics are its own. */
export const rankSumsInForce = (): RankSums | undefined => current;

/** Runs f, backward passes in it too, with the statistics of all ranks' shares. */
export function withRankSums<T>(sums: RankSums | undefined, f: () => T): T {
  const before = current;
  current = sums;
  try {
    return f();
  } finally {
    current = before;
  }
}

/**
 * What is made again in the backward pass instead of being kept for it (gradient checkpointing, Chen et al. 2016):
 * nothing; what lies within a unit of the network and within a layer of an auxiliary net, for one more forward pass; or
 * also the inputs of all but every √n-th of a block's n units, for two.
 */
export type Recompute = 'none' | 'units' | 'segments';

export const recomputeChoices = ['none', 'units', 'segments'] as const satisfies readonly Recompute[];

/** What an update's backward pass makes again. */
export interface ChosenRecompute {
  readonly recompute: Recompute;
  /** Where that can be done. */
  readonly places: number;
  /** The places where it is not, by the order in which the forward pass comes to them. */
  readonly kept: readonly number[];
}

/** Of each update, by its name. */
export type RecomputePlan = Readonly<Record<string, ChosenRecompute>>;

/**
 * What is made again in the backward pass instead of being kept for it (gradient checkpointing, Chen et al. 2016):
 * nothing; what lies within a unit of the network and within a layer of an auxiliary net, for one more forward pass; or
 * also the inputs of all but every √n-th of a block's n units, for two.
 */
export type Recompute = 'none' | 'units' | 'segments';

export const recomputeChoices = ['none', 'units', 'segments'] as const satisfies readonly Recompute[];

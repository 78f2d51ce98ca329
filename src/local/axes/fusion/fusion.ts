import { defineChoice, noOptions } from '../../../core/choice.js';

export const fusions = ['whole', 'patches', 'patch-average', 'patch-sum'] as const;

/**
 * How the auxiliary nets read the feature map (HPFF's patch feature fusion, PFF). `whole`: at once. `patches`, as
 * HPFF's published CIFAR code has it: the reconstruction reads the four quadrants, each with a decoder of its own,
 * and their losses are summed. `patch-sum`, as its ImageNet code has it: one decoder rebuilds the whole image, and the
 * losses of the four quadrants of that are summed. `patch-average`, as the paper has it (§3.3): the classifier runs on
 * each quadrant and its outputs are averaged; the reconstruction stays whole.
 */
export type Fusion = (typeof fusions)[number];

const defineFusion = defineChoice<Fusion>();

/** The fusions as choices. */
export const builtInFusions = fusions.map((name) =>
  defineFusion({ name, options: noOptions, build: () => name }),
);

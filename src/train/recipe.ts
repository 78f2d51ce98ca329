import type { SgdOptions } from './sgd.js';

/**
 * SGD as the papers of all methods train with it: Nesterov's momentum of 0.9 and a weight decay of 1e-4. What a config
 * does not say otherwise, and what is measured where there is no config.
 */
export const papersSgd = { momentum: 0.9, nesterov: true, weightDecay: 1e-4 } as const satisfies SgdOptions;

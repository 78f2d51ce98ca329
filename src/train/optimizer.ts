import { defineChoice, type Choice } from '../core/choice.js';
import type { Optimizer } from './sgd.js';

/** An optimiser by name: its options, and what makes a fresh one. */
export type OptimizerKind = Choice<Optimizer>;

/** An optimiser that a config can name: `train: { optimizer: … }`. Returns its argument. */
export const defineOptimizer = defineChoice<Optimizer>();

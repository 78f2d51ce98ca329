import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { fused } from '../engine/fused/registry.js';
import { scoped } from '../engine/scoped.js';
import { buildChosen, choiceSchema, type Chosen } from '../core/choice.js';
import { adamwKind } from './adamw.js';
import type { Optimizer, OptimizerKind } from './optimizer.js';
import { cannotCut } from './micro-batches.js';
import { trainOptionsSchema } from './options.js';
import { builtInSchedules, scheduleOption } from './schedules.js';
import { sgd, sgdKind } from './sgd.js';

/** The optimisers that there are without plugins. */
export const builtInOptimizers: readonly OptimizerKind[] = [sgdKind, adamwKind];

/** The `train` section of a config with these optimisers and schedules. */
export function trainSchema(kinds: readonly OptimizerKind[], schedules = builtInSchedules) {
  return trainOptionsSchema
    .extend({
      schedule: scheduleOption(schedules).default('cosine'),
      /** In place of SGD with this section's `momentum`, `nesterov`, `weightDecay` and `noDecay`, which are not read then. */
      optimizer: choiceSchema(kinds).exactOptional(),
    })
    .superRefine(({ batchSize, accumulate = 1 }, context) => {
      if (batchSize % accumulate === 0) return;
      const message = cannotCut(batchSize, accumulate);
      context.addIssue({ code: 'custom', path: ['accumulate'], message });
    })
    .superRefine(({ optimizer, optimizerState }, context) => {
      if (optimizer === undefined || optimizerState !== 'bf16' || isBuiltIn(kinds, optimizer)) return;
      const message = `is for ${builtInOptimizers.map(({ name }) => name).join(' and ')}: ${optimizer.name} keeps its state itself; leave it out`;
      context.addIssue({ code: 'custom', path: ['optimizerState'], message });
    })
    .superRefine(({ optimizer, noDecay }, context) => {
      if (optimizer === undefined || noDecay === undefined) return;
      const message = `is of the SGD that "optimizer" replaces; say it there: optimizer: { name: ${optimizer.name}, noDecay: [${noDecay.join(', ')}] }`;
      context.addIssue({ code: 'custom', path: ['noDecay'], message });
    });
}

function isBuiltIn(kinds: readonly OptimizerKind[], { name }: Chosen): boolean {
  const kind = kinds.find((each) => each.name === name);
  return builtInOptimizers.some((each) => each === kind);
}

/** A `train` section with the optimiser that it may name. */
export type TrainSettings = z.output<ReturnType<typeof trainSchema>>;
/** As a person writes it. */
export type TrainSettingsInput = z.input<ReturnType<typeof trainSchema>>;

/**
 * A fresh optimiser: the one that the section names, else SGD.
 *
 * @throws UserError where the engine cannot keep its state as asked for
 */
export function optimizerOf(
  { optimizer, optimizerState: state, ...ofSgd }: OptimizerSettings,
  kinds: readonly OptimizerKind[],
): Optimizer {
  if (state === 'bf16') scoped(() => fused().toBfloat16(tf.scalar(0)));
  if (optimizer === undefined) return sgd({ ...ofSgd, state });
  return buildChosen(kinds, isBuiltIn(kinds, optimizer) ? { ...optimizer, state } : optimizer);
}

type OptimizerSettings = Pick<
  TrainSettings,
  'optimizer' | 'optimizerState' | 'momentum' | 'nesterov' | 'weightDecay' | 'noDecay'
>;

import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { fused } from '../engine/fused/registry.js';
import { scoped } from '../engine/scoped.js';
import { buildChosen, choiceSchema, type Chosen } from '../core/choice.js';
import { adamw } from './adamw.js';
import { defineOptimizer, type OptimizerKind } from './optimizer.js';
import { cannotCut } from './micro-batches.js';
import { trainOptionsSchema } from './options.js';
import { builtInSchedules, scheduleOption } from './schedules.js';
import { sgd, type Optimizer } from './sgd.js';

const { momentum, nesterov, weightDecay, noDecay } = trainOptionsSchema.shape;

/** What is taken where none is named, with options of its own. */
const sgdKind = defineOptimizer({
  name: 'sgd',
  options: z.strictObject({ momentum, nesterov, weightDecay, noDecay }),
  build: sgd,
});

const beta = z.number().min(0).lt(1);

/** With PyTorch's defaults. */
const adamwKind = defineOptimizer({
  name: 'adamw',
  options: z.strictObject({
    betas: z.tuple([beta, beta]).readonly().default([0.9, 0.999]),
    epsilon: z.number().positive().default(1e-8),
    weightDecay: z.number().min(0).default(0.01),
    noDecay,
  }),
  build: adamw,
});

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

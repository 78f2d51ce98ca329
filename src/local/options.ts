import { z } from 'zod';

const weightRange = z.tuple([z.number().min(0), z.number().min(0)]).readonly();
const blocks = z.number().int().min(1);
const head = z
  .string()
  .regex(/^\d+c[1-9]f$/, 'expected <convolutions>c<linear layers>f, such as 0c1f or 2c2f');

const backpropagation = z.strictObject({ method: z.literal('bp') });

const auglocal = z.strictObject({
  method: z.literal('auglocal'),
  /** Pieces to cut the network into before the last `depth + 1` are joined; default: every unit. */
  blocks: blocks.optional(),
  /** d: depth of the first auxiliary net, in residual blocks. */
  depth: z.number().int().min(1).default(2),
  /** Pyramid coefficient. */
  pyramid: z.number().min(0).max(1).default(0.5),
});

/** InfoPro's two-term loss, as MAN and HPFF use it. */
const twoTermLoss = {
  head: head.default('2c2f'),
  loss: z.enum(['cross-entropy', 'contrast']).default('cross-entropy'),
  /** λ1 at the first and the last auxiliary net. */
  reconstruction: weightRange.default([5, 0]),
  /** λ2 likewise. */
  classification: weightRange.default([0.5, 0]),
};

const man = z.strictObject({
  method: z.literal('man'),
  /** K: the published cut points where there are any, else even ones. */
  blocks: blocks.min(2),
  ...twoTermLoss,
  momentum: z.number().min(0).max(1).default(0.995),
  /** Along the blocks, as in the paper, or along the network's stages, as in the published code. */
  ramp: z.enum(['blocks', 'stages']).default('blocks'),
});

const hpff = z.strictObject({
  method: z.literal('hpff'),
  blocks: blocks.min(2),
  ...twoTermLoss,
  independentWeight: z.number().min(0).default(0.001),
  cascadeWeight: z.number().min(0).default(0.999),
  fusion: z.enum(['whole', 'patches']).default('patches'),
});

/** The options of every method, by its name. */
export const strategyOptionsSchema = z.discriminatedUnion('method', [backpropagation, auglocal, man, hpff]);

/** Validated options, defaults filled in. */
export type StrategyOptions = z.output<typeof strategyOptionsSchema>;
/** Options as a person writes them. */
export type StrategyOptionsInput = z.input<typeof strategyOptionsSchema>;

export type Method = StrategyOptions['method'];

import { z } from 'zod';
import { fusions } from './fusion.js';

const weightRange = z.tuple([z.number().min(0), z.number().min(0)]).readonly();
const head = z
  .string()
  .regex(/^\d+c[1-9]f$/, 'expected <convolutions>c<linear layers>f, such as 0c1f or 2c2f');

/** Where to cut: by number, or after the units named. */
const partition = {
  /** K. */
  blocks: z.int().min(2).exactOptional(),
  /** Names of the units that end a block, or the published memory-balanced cut points for `blocks`. */
  cuts: z.union([z.literal('memory-balanced'), z.array(z.string()).min(1).readonly()]).exactOptional(),
};

const headWidths = {
  /** Width of the classifier's hidden linear layers, and of the features that a contrast compares. */
  featureWidth: z.int().min(1).default(128),
  /** Factor on the classifier's published widths. */
  widen: z.number().positive().default(1),
};

/** InfoPro's two-term loss: λ1 · reconstruction + λ2 · classification. */
const twoTermLoss = {
  ...headWidths,
  loss: z.enum(['cross-entropy', 'contrast']).default('cross-entropy'),
  /** Width of the decoder's hidden layer. */
  decoderWidth: z.int().min(1).default(12),
};

const backpropagation = z.strictObject({ method: z.literal('bp') });

const greedy = z.strictObject({ method: z.literal('greedy'), ...partition });

const dgl = z.strictObject({ method: z.literal('dgl'), ...partition });

const predsim = z.strictObject({
  method: z.literal('predsim'),
  ...partition,
  /** Weight of the similarity at the first and the last auxiliary net. */
  similarity: weightRange.default([0.99, 0.99]),
  /** Weight of the classification likewise. */
  classification: weightRange.default([0.01, 0.01]),
  /** The most features that the classifier's linear layer reads; average pools bring them down to it. */
  poolWidth: z.int().min(1).default(512),
});

const infopro = z.strictObject({
  method: z.literal('infopro'),
  ...partition,
  head: head.default('1c2f'),
  ...twoTermLoss,
  /** λ1 at the first and the last auxiliary net. */
  reconstruction: weightRange.default([5, 0.2]),
  /** λ2 likewise. */
  classification: weightRange.default([0.05, 0.5]),
});

const auglocal = z.strictObject({
  method: z.literal('auglocal'),
  /** Pieces to cut the network into before the last `depth + 1` are joined; default: every unit. */
  blocks: z.int().min(1).exactOptional(),
  /** Names of the units that end a block, in place of all that. */
  cuts: z.array(z.string()).min(1).readonly().exactOptional(),
  /** d: depth of the first auxiliary net, in residual blocks. */
  depth: z.int().min(1).default(2),
  /** Pyramid coefficient. */
  pyramid: z.number().min(0).max(1).default(0.5),
});

/** The two-term loss as MAN and HPFF use it. */
const fadingLoss = {
  head: head.default('2c2f'),
  ...twoTermLoss,
  /** λ1 at the first and the last auxiliary net. */
  reconstruction: weightRange.default([5, 0]),
  /** λ2 likewise. */
  classification: weightRange.default([0.5, 0]),
  /** Along the blocks, as in the papers, or along the network's stages, as in MAN's published code. */
  ramp: z.enum(['blocks', 'stages']).default('blocks'),
};

const man = z.strictObject({
  method: z.literal('man'),
  ...partition,
  ...fadingLoss,
  momentum: z.number().min(0).max(1).default(0.995),
});

const hpff = z.strictObject({
  method: z.literal('hpff'),
  ...partition,
  ...fadingLoss,
  /** Weight of each block's loss on its own (wx). */
  independentWeight: z.number().min(0).default(0.001),
  /** Weight of each pair's loss (wy). */
  cascadeWeight: z.number().min(0).default(0.999),
  fusion: z.enum(fusions).default('patches'),
});

const custom = z.strictObject({
  method: z.literal('custom'),
  ...partition,
  path: z.enum(['independent', 'cascade']).default('independent'),
  bridge: z.enum(['none', 'momentum']).default('none'),
  /** The classifier's net: a head such as `1c2f`, `dgl`, `pooled` (PredSim) or `sampled` (AugLocal). */
  auxiliary: z.union([z.enum(['dgl', 'pooled', 'sampled']), head]).default('1c2f'),
  loss: z.enum(['cross-entropy', 'contrast']).default('cross-entropy'),
  /** Weight of that loss at the first and the last auxiliary net. */
  classification: weightRange.default([1, 1]),
  /** Weights of the terms beside it; without them there are none. */
  reconstruction: weightRange.exactOptional(),
  similarity: weightRange.exactOptional(),
  ramp: z.enum(['blocks', 'stages']).default('blocks'),
  fusion: z.enum(fusions).default('whole'),
  // Of one choice each; the published values where they are not given.
  momentum: z.number().min(0).max(1).exactOptional(),
  depth: z.int().min(1).exactOptional(),
  pyramid: z.number().min(0).max(1).exactOptional(),
  poolWidth: z.int().min(1).exactOptional(),
  featureWidth: z.int().min(1).exactOptional(),
  widen: z.number().positive().exactOptional(),
  decoderWidth: z.int().min(1).exactOptional(),
  independentWeight: z.number().min(0).exactOptional(),
  cascadeWeight: z.number().min(0).exactOptional(),
});

/** The options of every method, by its name. */
export const strategyOptionsSchema = z.discriminatedUnion('method', [
  backpropagation,
  greedy,
  dgl,
  predsim,
  infopro,
  auglocal,
  man,
  hpff,
  custom,
]);

/** Validated options, defaults filled in. */
export type StrategyOptions = z.output<typeof strategyOptionsSchema>;
/** Options as a person writes them. */
export type StrategyOptionsInput = z.input<typeof strategyOptionsSchema>;

export type Method = StrategyOptions['method'];
export type OptionsOf<M extends Method> = Extract<StrategyOptions, { method: M }>;

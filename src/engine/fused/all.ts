import { accumulate } from './accumulate.js';
import { adamw } from './adamw.js';
import { asFilter } from './as-filter.js';
import { asMap } from './as-map.js';
import { batchNorm } from './batch-norm.js';
import { binaryCrossEntropy } from './binary-cross-entropy.js';
import { conv } from './conv.js';
import { convBatchNorm } from './conv-batch-norm.js';
import { convBatchNormPool } from './conv-batch-norm-pool.js';
import { crossEntropy } from './cross-entropy.js';
import { fromBytes } from './from-bytes.js';
import type { FusedOp, Torch } from './fused-op.js';
import { gelu } from './gelu.js';
import { layerNorm } from './layer-norm.js';
import { maxPool } from './max-pool.js';
import { movingAverage } from './moving-average.js';
import { scale } from './scale.js';
import { sgd } from './sgd.js';
import { toBfloat16 } from './to-bfloat16.js';
import { toFloat32 } from './to-float32.js';

/**
 * What an engine computes as one operator where it can. All are differentiable with TensorFlow.js's `tf.grads`
 * except the first three, and the last seven.
 */
const fusedOps = {
  fromBytes,
  asMap,
  asFilter,
  conv,
  convBatchNorm,
  convBatchNormPool,
  batchNorm,
  layerNorm,
  gelu,
  maxPool,
  crossEntropy,
  binaryCrossEntropy,
  accumulate,
  scale,
  sgd,
  adamw,
  movingAverage,
  toBfloat16,
  toFloat32,
};

export type FusedOps = { readonly [Name in keyof typeof fusedOps]: (typeof fusedOps)[Name]['composed'] };

const inForm = (form: (op: FusedOp<unknown>) => unknown): FusedOps =>
  Object.fromEntries(Object.entries(fusedOps).map(([name, op]) => [name, form(op)])) as unknown as FusedOps;

/** The fused ops as compositions of standard TensorFlow.js kernels, for every backend that has none of its own. */
export const composedOps: FusedOps = inForm((op) => op.composed);

/** The fused ops on libtorch. */
export const torchOps = (torch: Torch): FusedOps => inForm((op) => op.torch(torch));

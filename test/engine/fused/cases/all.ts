import { addCases } from './add.js';
import { attentionCases } from './attention.js';
import { averagePoolCases } from './average-pool.js';
import { batchNormCases } from './batch-norm.js';
import { binaryCrossEntropyCases } from './binary-cross-entropy.js';
import { blendCases } from './blend.js';
import { convCases } from './conv.js';
import { convBatchNormCases, convBatchNormPoolCases } from './conv-batch-norm.js';
import { crossEntropyCases } from './cross-entropy.js';
import { geluCases } from './gelu.js';
import { layerNormCases } from './layer-norm.js';
import { linearCases } from './linear.js';
import { maxPoolCases } from './max-pool.js';
import { resizeCases } from './resize.js';
import type { OpCase } from '../op-case.js';

/** A file of cases for each op that has gradients, as `src/engine/fused` has a file for each. */
export const allCases: readonly OpCase[] = [
  ...addCases,
  ...attentionCases,
  ...averagePoolCases,
  ...batchNormCases,
  ...binaryCrossEntropyCases,
  ...blendCases,
  ...convCases,
  ...convBatchNormCases,
  ...convBatchNormPoolCases,
  ...crossEntropyCases,
  ...geluCases,
  ...layerNormCases,
  ...linearCases,
  ...maxPoolCases,
  ...resizeCases,
];

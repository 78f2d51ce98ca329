import { beforeAll, describe, it } from 'vitest';
import { selectEngine } from '../../../src/engine/select.js';
import { testEngines } from '../../support/engine.js';
import { addCases } from './cases/add.js';
import { attentionCases } from './cases/attention.js';
import { averagePoolCases } from './cases/average-pool.js';
import { batchNormCases } from './cases/batch-norm.js';
import { binaryCrossEntropyCases } from './cases/binary-cross-entropy.js';
import { blendCases } from './cases/blend.js';
import { convCases } from './cases/conv.js';
import { convBatchNormCases } from './cases/conv-batch-norm.js';
import { crossEntropyCases } from './cases/cross-entropy.js';
import { geluCases } from './cases/gelu.js';
import { layerNormCases } from './cases/layer-norm.js';
import { linearCases } from './cases/linear.js';
import { maxPoolCases } from './cases/max-pool.js';
import { resizeCases } from './cases/resize.js';
import { checkOp } from './op-case.js';

/** A file of cases for each op that has gradients, as `src/engine/fused` has a file for each. */
const cases = [
  ...addCases,
  ...attentionCases,
  ...averagePoolCases,
  ...batchNormCases,
  ...binaryCrossEntropyCases,
  ...blendCases,
  ...convCases,
  ...convBatchNormCases,
  ...crossEntropyCases,
  ...geluCases,
  ...layerNormCases,
  ...linearCases,
  ...maxPoolCases,
  ...resizeCases,
];

for (const engine of testEngines) {
  describe(`ops of one tape entry on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    it.each(cases)('$name: values, running statistics and all gradients, and nothing is left', checkOp);
  });
}

import { beforeAll, describe, it } from 'vitest';
import { selectEngine } from '../../../src/engine/select.js';
import { testEngines } from '../../support/engine.js';
import { allCases } from './cases/all.js';
import { checkOp } from './op-case.js';

for (const engine of testEngines) {
  describe(`ops of one tape entry on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    it.each(allCases)('$name: values, running statistics and all gradients, and nothing is left', checkOp);
  });
}

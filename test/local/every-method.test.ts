import { beforeAll, describe } from 'vitest';
import { testEveryMethod } from '../support/every-method.js';
import { hasFastEngine, startEngine, testEngine } from '../support/engine.js';

describe.skipIf(!hasFastEngine)(`every method on every network, on ${testEngine}`, () => {
  beforeAll(() => startEngine());
  testEveryMethod(6);
});

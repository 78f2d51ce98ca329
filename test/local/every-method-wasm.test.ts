import { beforeAll, describe } from 'vitest';
import { testEveryMethod } from '../support/every-method.js';
import { startEngine } from '../support/engine.js';

describe('every method on every network, on wasm', () => {
  beforeAll(() => startEngine('wasm'));
  testEveryMethod(20);
});

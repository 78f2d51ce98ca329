import { beforeAll, describe, expect, test } from 'vitest';
import { costOf } from '../support/cost.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyMethods, titleOf } from '../support/tiny.js';
import { costTests } from './cost-cases.js';
import counts from './cost-counts.json' with { type: 'json' };

describe('multiply-adds on WebAssembly', () => {
  beforeAll(() => startEngine('wasm'));

  costTests();

  test.each(sampleOf(tinyMethods, 6).map((options) => [titleOf(options), options] as const))(
    '%s: as every engine counts them',
    (title, options) => {
      expect(costOf(options)).toEqual((counts as Record<string, unknown>)[title]);
    },
  );
});

import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { loadNative } from '../../src/engine/torch/load-native.js';
import { profileText } from '../../src/measure/profile-table.js';
import { profileMethod } from '../../src/measure/profile.js';
import { builtInRegistry } from '../../src/config/registry.js';
import { hasTorch, startEngine } from '../support/engine.js';

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe.skipIf(!hasTorch)('a profile of training steps', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine('torch');
  });
  const profile = (name: string) => {
    const method = builtInRegistry.methods.find((each) => each.name === name)!;
    return profileMethod(engine, loadNative(), method, { layers: 8, blocks: 4, batch: 4, steps: 2 });
  };

  it('has every convolution of the step, by shape', () => {
    const { operators, convolutions } = profile('bp');
    // A stem, three units of two, two shortcuts; the stem's input wants no gradient.
    const of = (name: string) => operators.find((call) => call.name === name)!;
    // Filters lie as the convolutions read them: nothing is copied for each.
    for (const name of ['locallearn::conv_bn', 'locallearn::conv_bn_backward']) {
      expect(of(name).inside.map((inner) => inner.name)).not.toContain('aten::contiguous');
    }
    expect(of('locallearn::conv_bn').calls).toBe(9);
    expect(of('locallearn::conv_bn_backward').calls).toBe(9);
    expect(sum(convolutions.map(({ forward }) => forward))).toBe(9);
    expect(sum(convolutions.map(({ backwardData }) => backwardData))).toBe(8);
    expect(sum(convolutions.map(({ backwardWeights }) => backwardWeights))).toBe(9);
    expect(convolutions).toContainEqual({
      ...{ input: [4, 3, 32, 32], filter: [16, 3, 3, 3], stride: [1, 1], padding: [1, 1], groups: 1 },
      ...{ resizedFrom: [], forward: 1, backwardData: 0, backwardWeights: 1 },
    });
  });

  it('adds up to the step, by operator and by update', () => {
    const result = profile('auglocal');
    const { milliseconds, operators, updates } = result;
    expect(updates.map(({ name }) => name)).toEqual(['block 1', 'head']);
    const byOperator =
      sum(operators.map((call) => call.milliseconds)) +
      result.bridgeMilliseconds +
      result.javascriptMilliseconds;
    const byUpdate =
      result.inputMilliseconds +
      sum(updates.map((update) => update.gradientMilliseconds + update.optimizerMilliseconds));
    expect(byOperator).toBeCloseTo(milliseconds, 6);
    expect(byUpdate).toBeCloseTo(milliseconds, 6);
    expect(result.javascriptMilliseconds).toBeGreaterThan(0);
    expect(result.convolutionMilliseconds).toBeGreaterThan(0);
    for (const update of updates) {
      expect(update.gradientMilliseconds).toBeGreaterThan(0);
      expect(update.optimizerMilliseconds).toBeGreaterThan(0);
      expect(update.peakBytes).toBeGreaterThan(0);
    }
    const text = profileText(result);
    for (const name of ['locallearn::conv_bn_backward', 'block 1', 'JavaScript', '100.0 %']) {
      expect(text).toContain(name);
    }
  });
});

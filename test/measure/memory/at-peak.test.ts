import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { listPeak, type AtPeak } from '../../../src/measure/memory/at-peak.js';
import { measureStep } from '../../../src/measure/memory/measure.js';
import { buildStrategy } from '../../../src/local/build.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { recomputing } from '../../../src/local/strategy.js';
import { disposeNetwork, type Network } from '../../../src/networks/network.js';
import { hasTorch, startEngine } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';
import { tinyMethods, tinyNetwork, titleOf } from '../../support/tiny.js';

const shape = { batchSize: 32, seed: 1 };

describe.each(['torch', 'wasm'] as const)('on %s, what is in use at the peak', (name) => {
  if (name === 'torch' && !hasTorch) return;
  let engine: Engine;
  let network: Network;
  beforeAll(async () => {
    engine = await startEngine(name);
    network = tinyNetwork();
  });
  afterAll(() => disposeNetwork(network));

  const listed = (
    options: StrategyOptionsInput,
    recompute: 'none' | 'units' = 'none',
  ): { readonly peak: AtPeak; readonly measured: number } => {
    const strategy = recomputing(buildStrategy(network, options), recompute);
    try {
      const measured = measureStep(engine.memory, strategy, shape).peakBytes;
      const before = engine.memory.current();
      const peak = listPeak(engine.memory, strategy, shape);
      expect(engine.memory.current()).toBe(before);
      return { peak, measured };
    } finally {
      strategy.dispose();
    }
  };
  const methods = name === 'torch' ? tinyMethods : tinyMethods.slice(0, 1);

  test.each(sampleOf(methods, 3).map((options) => ({ title: titleOf(options), options })))(
    'of $title adds up to the peak of a measured step',
    ({ options }) => {
      for (const recompute of options === methods[0] ? (['none', 'units'] as const) : (['none'] as const)) {
        const { peak, measured } = listed(options, recompute);
        expect(peak.peakBytes).toBe(measured);
        expect(peak.held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(measured);
        for (const { bytes } of peak.held) expect(bytes).toBeGreaterThan(0);
        const sizes = peak.held.map(({ bytes }) => bytes);
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
      }
    },
  );

  test('has names, shapes and holders', () => {
    const { held, during } = listed({ method: 'bp' }).peak;
    expect(during).toMatch(/^head, (forward|backward) pass$/);
    const of = (name: string) => held.find((each) => each.name === name);
    expect(of('layer1.0.conv1.weight')).toMatchObject({
      ...{ shape: [3, 3, 16, 16], dtype: 'float32', bytes: 4 * 9 * 16 * 16, holder: 'network' },
    });
    // Elsewhere an op takes the place of what it was before: only its holder is known.
    const state = held.filter(({ holder, bytes }) => holder === 'optimiser' && bytes === 4 * 9 * 16 * 16);
    expect(state.length).toBeGreaterThanOrEqual(4);
    expect(of('labels')).toMatchObject({ shape: [32, 4], holder: 'batch' });
    if (name !== 'torch') return;
    expect(of('state of layer1.0.conv1.weight')).toMatchObject({
      bytes: 4 * 9 * 16 * 16,
      holder: 'optimiser',
    });
    // What the second layer reads is made anew of it.
    expect(of('saved by convBatchNorm layer1.0.conv1, convBatchNorm layer1.0.conv2')).toMatchObject({
      ...{ shape: [32, 8, 8, 16], bytes: 4 * 32 * 8 * 8 * 16, holder: 'head, forward pass' },
    });
  });
});

import tf = require('@tensorflow/tfjs');
import { expect, test } from 'vitest';
import { countMultiplyAdds } from '../../src/engine/multiply-adds.js';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { buildStrategy } from '../../src/local/build.js';
import { parameterCounts, type ParameterCounts } from '../../src/local/cost.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork, networkForward } from '../../src/networks/network.js';
import { withoutDrawing } from '../../src/nn/parameters.js';
import type { NetworkOptions } from '../../src/networks/options.js';
import { byHand, costOf } from '../support/cost.js';
import { tinyNetwork } from '../support/tiny.js';

const { stem, units, forward } = byHand;

/** Multiply-adds of one image's forward pass. */
export function forwardOf(options: NetworkOptions, size: number, classes = 1000): number {
  // The weights' values do not matter, and drawing them takes longest.
  const network = withoutDrawing(() =>
    buildNetwork(options, { classes, imageShape: [size, size, 3], seed: 1 }),
  );
  const count = countMultiplyAdds();
  try {
    tf.tidy(() => networkForward(network, tf.zeros([1, size, size, 3]), evaluationMode));
    return [...count.counted.values()].reduce((sum, each) => sum + each, 0);
  } finally {
    count.close();
    disposeNetwork(network);
  }
}

/** What every engine counts. */
export function costTests(): void {
  test('BP: forward, filter gradients, and input gradients but the images', () => {
    expect(costOf({ method: 'bp' }, { images: 4 })).toEqual({
      network: 4 * (3 * forward - stem),
      auxiliary: 0,
    });
  });

  test('recomputing: what is made again is counted as often as it is run', () => {
    // Every unit once more, the head not.
    const step = 3 * forward - stem;
    expect(costOf({ method: 'bp' }, { recompute: 'units', images: 2 }).network).toBe(
      2 * (step + stem + units),
    );
    // Seven units in runs of three: once more as a run, and within it unit by unit.
    expect(costOf({ method: 'bp' }, { recompute: 'segments', images: 2 }).network).toBe(
      2 * (step + 2 * (stem + units)),
    );
  });

  test('blocks read detached features, which have no input gradient; auxiliary nets are counted apart', () => {
    // Cut behind the stem alone: layer1.0 has no input gradient.
    const cost = costOf({ method: 'greedy', cuts: ['stem'] }, { images: 2 });
    const firstConvolution = 64 * 16 * 9 * 16;
    expect(cost.network).toBe(2 * (3 * forward - stem - firstConvolution));
    // The head of the stem's map: an average of its 8×8 cells to 2×2, and one linear layer, all three passes.
    expect(cost.auxiliary).toBeGreaterThan(0);
  });

  test('a loss that compares all pairs of a batch grows with its square', () => {
    const auxiliary = (images: number): number =>
      costOf({ method: 'predsim', blocks: 2 }, { images }).auxiliary;
    const [four, eight, twelve] = [auxiliary(4), auxiliary(8), auxiliary(12)];
    expect(twelve - 2 * eight + four).toBeGreaterThan(0);
    expect(auxiliary(16) - 3 * twelve + 3 * eight - four).toBe(0);
  });

  test('parameters: of the network, beside it, and at inference', () => {
    const counts = (options: StrategyOptionsInput): ParameterCounts => {
      const network = tinyNetwork();
      const strategy = buildStrategy(network, options);
      const found = parameterCounts(strategy);
      strategy.dispose();
      disposeNetwork(network);
      return found;
    };
    const bp = counts({ method: 'bp' });
    expect(bp.auxiliary).toBe(0);
    expect(bp.inference).toBe(bp.network);
    const man = counts({ method: 'man', blocks: 3, auxiliary: '1c2f' });
    expect(man).toEqual({ ...bp, auxiliary: man.auxiliary });
    expect(man.auxiliary).toBeGreaterThan(0);
    // Contexts are used wherever the network is.
    const contsup = counts({ method: 'contsup', blocks: 4 });
    expect(contsup.network).toBe(bp.network);
    expect(contsup.inference).toBeGreaterThan(bp.network);
    expect(contsup.auxiliary).toBeGreaterThanOrEqual(contsup.inference - contsup.network);
  });
}

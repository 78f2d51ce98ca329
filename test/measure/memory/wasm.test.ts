import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { balanceCuts } from '../../../src/measure/memory/balance.js';
import { measureStep } from '../../../src/measure/memory/measure.js';
import { buildStrategy } from '../../../src/local/build.js';
import { disposeNetwork, type Network } from '../../../src/networks/network.js';
import { startEngine } from '../../support/engine.js';
import { tinyNetwork } from '../../support/tiny.js';

// An engine that does not tell what its kernels take: the meter counts tensors.
let engine: Engine;
let network: Network;
const shape = { batchSize: 4, seed: 1 };
beforeAll(async () => {
  engine = await startEngine('wasm');
  network = tinyNetwork(8);
});
afterAll(() => disposeNetwork(network));

test('a step is measured in bytes of tensors', () => {
  expect(engine.memory.name).toBe('tensor-bytes');
  const strategy = buildStrategy(network, { method: 'greedy' });
  const { updates, heldBytes } = measureStep(engine.memory, strategy, shape);
  strategy.dispose();
  for (const { startBytes, activationBytes, optimizerBytes, parameterBytes, peakBytes } of updates) {
    expect(optimizerBytes).toBe(parameterBytes);
    expect(startBytes).toBeGreaterThanOrEqual(heldBytes);
    expect(peakBytes).toBeGreaterThanOrEqual(startBytes + activationBytes);
  }
});

test('balanced cuts are the best of all by that count', async () => {
  const build = (cuts: readonly string[]) => buildStrategy(network, { method: 'greedy', cuts: [...cuts] });
  const found = await balanceCuts({ meter: engine.memory, network, blocks: 2, build, ...shape });
  const peaks = network.units.slice(0, -1).map(({ name }) => {
    const strategy = build([name]);
    const { peakBytes } = measureStep(engine.memory, strategy, shape);
    strategy.dispose();
    return peakBytes;
  });
  expect(found.peakBytes).toBe(Math.min(...peaks));
});

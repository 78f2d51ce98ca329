import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset, Split } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { UserError } from '../../src/errors.js';
import { buildStrategy } from '../../src/local/presets.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { randomStream } from '../../src/random.js';
import type { TrainEvent } from '../../src/train/events.js';
import { train } from '../../src/train/trainer.js';
import { toTorch } from '../../src/nn/parameters.js';

const imageShape = [8, 8, 3] as const;

/** Images of one colour and noise; the colour is the class. */
function colours(size: number, name: string): Split {
  const random = randomStream(1, name);
  const labels = Uint8Array.from({ length: size }, (_, i) => i % 3);
  const images = Uint8Array.from({ length: size * 192 }, (_, at) => {
    const own = labels[Math.floor(at / 192)] === at % 3;
    return (own ? 140 : 60) + random.below(60);
  });
  return { size, images, labels };
}

const dataset: Dataset = {
  name: 'colours',
  classes: ['red', 'green', 'blue'],
  imageShape,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: colours(96, 'train'),
  test: colours(30, 'test'),
  augmentation: { pad: 1, padMode: 'zero', flip: true },
};

const section = { epochs: 3, batchSize: 16, learningRate: 0.1, schedule: 'cosine-steps' } as const;

describe.skipIf(!nativeStatus().available)('train', () => {
  let engine: Engine;
  const strategies: Strategy[] = [];
  const build = (options: StrategyOptionsInput): Strategy => {
    const strategy = buildStrategy(resnetCifar({ depth: 14, classes: 3, imageShape, seed: 1 }), options);
    strategies.push(strategy);
    return strategy;
  };
  beforeAll(async () => ({ engine } = await selectEngine('torch')));
  afterEach(() => {
    for (const strategy of strategies.splice(0)) {
      strategy.dispose();
      disposeNetwork(strategy.network);
    }
  });

  it.each<StrategyOptionsInput>([
    { method: 'bp' },
    { method: 'auglocal', depth: 2 },
    { method: 'man', blocks: 3 },
    { method: 'hpff', blocks: 3 },
  ])('learns to tell colours apart with $method', async (options) => {
    const strategy = build(options);
    const { epochs, interrupted } = await train(strategy, dataset, { ...section, seed: 1, engine });
    expect(interrupted).toBe(false);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    const last = epochs[2]!;
    expect(last.testAccuracy).toBeGreaterThan(0.8);
    expect(last.trainLoss).toBeLessThan(epochs[0]!.trainLoss);
    expect(Object.keys(last.updateLosses)).toEqual(strategy.updates.map(({ name }) => name));
    expect(last.peakMemoryBytes).toBe(Math.max(...Object.values(last.updatePeakBytes)));
    expect(last.reservedMemoryBytes).toBeGreaterThanOrEqual(last.peakMemoryBytes);
  });

  it('gives the same numbers for the same seed, whatever the number of workers, and others for another', async () => {
    const run = async (seed: number, workers: number) => {
      const strategy = build({ method: 'auglocal', depth: 1 });
      const options = { ...section, epochs: 1, workers, seed, engine };
      const { epochs } = await train(strategy, dataset, options);
      return [epochs[0]!.updateLosses, toTorch(strategy.network.units[0]!.layer.parameters[0]!).values];
    };
    const first = await run(1, 1);
    expect(await run(1, 2)).toEqual(first);
    expect(await run(2, 1)).not.toEqual(first);
  });

  it('reports every step and evaluation in order', async () => {
    const events: TrainEvent[] = [];
    const onEvent = (event: TrainEvent): void => void events.push(event);
    await train(build({ method: 'bp' }), dataset, { ...section, epochs: 1, seed: 1, engine, onEvent });
    expect(events.map(({ type }) => type)).toEqual([
      'epoch-start',
      ...Array.from({ length: 6 }, () => 'step'),
      ...Array.from({ length: 2 }, () => 'evaluation'),
      'epoch-end',
    ]);
  });

  it.each(['step', 'evaluation'] as const)('stops after the %s at hand when told to', async (type) => {
    const stop = new AbortController();
    let after = 0;
    const onEvent = (event: TrainEvent): void => {
      if (stop.signal.aborted) after++;
      if (event.type === type && event.epoch === 2) stop.abort();
    };
    const options = { ...section, seed: 1, engine, onEvent, signal: stop.signal };
    const { epochs, interrupted } = await train(build({ method: 'bp' }), dataset, options);
    expect({ epochs: epochs.length, interrupted, after }).toEqual({ epochs: 1, interrupted: true, after: 0 });
  });

  it('says which update lost its numbers, and when', async () => {
    const options = { ...section, learningRate: 1e30, schedule: 'constant', seed: 1, engine } as const;
    const run = train(build({ method: 'auglocal', depth: 1 }), dataset, options);
    await expect(run).rejects.toThrow(UserError);
    await expect(run).rejects.toThrow(
      /^epoch 1, step \d+: the loss of update '(block \d|head)' became (NaN|-?Infinity)/,
    );
  });

  it('refuses a batch larger than the data set', async () => {
    const run = train(build({ method: 'bp' }), dataset, { ...section, batchSize: 97, seed: 1, engine });
    await expect(run).rejects.toThrow(/97 is larger than the data set, 96 images/);
  });
});

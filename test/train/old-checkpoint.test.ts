import { beforeAll, expect, it } from 'vitest';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import type { Engine } from '../../src/engine/engine.js';
import { bp } from '../../src/local/methods/bp.js';
import { createUnit, disposeNetwork, type Network } from '../../src/networks/network.js';
import { sequential, type Layer } from '../../src/nn/layer.js';
import { conv, convBatchNorm, globalAveragePool, linear } from '../../src/nn/layers.js';
import { childScope, rootScope, type Scope } from '../../src/nn/parameters.js';
import { readCheckpoint } from '../../src/runs/checkpoint/file.js';
import type { TrainOptions } from '../../src/train/context.js';
import type { TrainState } from '../../src/train/state.js';
import { train } from '../../src/train/trainer.js';
import { startEngine } from '../support/engine.js';
import { largestError } from '../support/numeric.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

const imageShape = [6, 6, 3] as const;

/** The smallest of networks: its checkpoints, with SGD's momentum, were written before optimisers kept named tensors. */
function network(): Network {
  const unit = (name: string, stage: number, build: (scope: Scope) => Layer) =>
    createUnit(
      { name, stage, index: 0, output: { height: 3, width: 3, channels: 4 }, build },
      childScope(rootScope(2), name),
    );
  return {
    ...{ name: 'two', imageShape, classes: 3, seed: 2 },
    units: [
      unit('stem', 0, (scope) =>
        conv(scope, { inChannels: 3, outChannels: 4, kernel: 3, stride: 2, bias: true }),
      ),
      unit('layer', 1, (scope) =>
        convBatchNorm(scope, ['conv', 'bn'], { inChannels: 4, outChannels: 4, kernel: 3, relu: true }),
      ),
    ],
    head: sequential([globalAveragePool, linear(childScope(rootScope(2), 'fc'), { inputs: 4, outputs: 3 })]),
    buildUnit: () => {
      throw new Error('none');
    },
  };
}

const noise = (size: number) => ({
  images: Uint8Array.from({ length: size * 108 }, (_, i) => (i * 7919) % 251),
  labels: Array.from({ length: size }, (_, i) => i % 3),
});
const dataset = datasetFromArrays({
  ...{ name: 'noise', imageShape, classes: ['a', 'b', 'c'], train: noise(12), test: noise(6) },
  ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
});

async function goneOn(resume: TrainState, changes: Partial<TrainOptions> = {}): Promise<TrainState[]> {
  const net = network();
  const strategy = bp.build(net, {});
  const states: TrainState[] = [];
  try {
    await train(strategy, dataset, {
      ...{ epochs: 2, batchSize: 4, learningRate: 0.05, schedule: 'constant', workers: 0, seed: 1 },
      ...{ engine, resume, onState: (state) => states.push(state) },
      ...changes,
    });
  } finally {
    strategy.dispose();
    disposeNetwork(net);
  }
  return states;
}

const stored = (epochs: number): TrainState =>
  readCheckpoint('test/fixtures/checkpoint-sgd', { epochs, batches: 0 }).state;

it('a run with SGD’s momentum goes on from a checkpoint of before, to the numbers of before', async () => {
  const [state] = await goneOn(stored(1));
  const wanted = stored(2);
  expect([...state!.tensors.keys()]).toEqual([...wanted.tensors.keys()]);
  expect([...wanted.tensors.keys()]).toContain('momentum/network/stem.weight');
  for (const [name, { values }] of wanted.tensors) {
    expect(largestError(state!.tensors.get(name)!.values, [...values]), name).toBeLessThan(1e-5);
  }
  // The momentum counts: without it the weights come out elsewhere.
  const tensors = new Map([...stored(1).tensors].filter(([name]) => !name.startsWith('momentum/')));
  const [without] = await goneOn({ ...stored(1), tensors });
  const weight = 'network/stem.weight';
  const error = largestError(without!.tensors.get(weight)!.values, [...wanted.tensors.get(weight)!.values]);
  expect(error).toBeGreaterThan(1e-3);
});

it('plain SGD takes one too, and drops the momentum that nothing was made of', async () => {
  const [state] = await goneOn(stored(1), { momentum: 0 });
  expect([...state!.tensors.keys()].filter((name) => name.startsWith('momentum/'))).toEqual([]);
});

it('another optimiser’s state is refused, in words', async () => {
  await expect(goneOn(stored(1), { optimizer: 'adamw' })).rejects.toThrow(
    /^not a state of this optimiser: it keeps .*step/,
  );
  await expect(goneOn(stored(1), { ema: { decay: 0.9 } })).rejects.toThrow(
    /^not a state of these averages: some are missing$/,
  );
});

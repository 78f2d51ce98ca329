import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.js';
import { registryWith } from '../../src/config/registry.js';
import { outsideTape } from '../../src/engine/tape.js';
import type { Engine } from '../../src/engine/engine.js';
import { bp } from '../../src/local/methods/bp.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { defineOptimizer } from '../../src/train/optimizer.js';
import { sgd } from '../../src/train/sgd.js';
import type { TrainState } from '../../src/train/state.js';
import type { TrainOptions } from '../../src/train/context.js';
import { train } from '../../src/train/trainer.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import { startEngine } from '../support/engine.js';
import { tinyNetwork } from '../support/tiny.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

/** SGD on the gradients' signs: it keeps SGD's momentum. */
const signs = defineOptimizer({
  name: 'signs',
  options: z.strictObject({ momentum: z.number().default(0.5) }),
  build({ momentum }) {
    const inner = sgd({ momentum, nesterov: false, weightDecay: 0 });
    return {
      ...inner,
      step(variables, gradients, learningRate) {
        const signed = outsideTape(() => gradients.map((gradient) => tf.sign(gradient)));
        inner.step(variables, signed, learningRate);
        tf.dispose(signed);
      },
    };
  },
});
const { optimizers } = registryWith([{ file: 'mine.ts', plugin: { optimizers: [signs] } }]);

async function trained(options: Partial<TrainOptions>) {
  const network = tinyNetwork();
  const [height, width, channels] = network.imageShape;
  const noise = (size: number) => ({
    images: Uint8Array.from({ length: size * height * width * channels }, (_, i) => (i * 7919) % 251),
    labels: Array.from({ length: size }, (_, i) => i % network.classes),
  });
  const dataset = datasetFromArrays({
    ...{ name: 'noise', imageShape: network.imageShape, train: noise(24), test: noise(8) },
    classes: Array.from({ length: network.classes }, (_, i) => `class ${i}`),
    mean: Array.from({ length: channels }, () => 0.5),
    std: Array.from({ length: channels }, () => 0.25),
  });
  const strategy = bp.build(network, {});
  const states: TrainState[] = [];
  await train(strategy, dataset, {
    ...{ epochs: 2, batchSize: 8, learningRate: 0.01, schedule: 'constant', workers: 0, seed: 1, engine },
    ...options,
    onState: (state) => states.push(state),
  });
  strategy.dispose();
  disposeNetwork(network);
  return states;
}

const tensorsOf = (state: TrainState | undefined) =>
  [...state!.tensors].map(([name, { values }]) => [name, [...values]]);

it('one of one’s own trains, and goes on from a checkpoint to the last bit', async () => {
  const own = { optimizers, optimizer: { name: 'signs', momentum: 0.8 } };
  const [first, last] = await trained(own);
  const [resumed] = await trained({ ...own, resume: first });
  expect(tensorsOf(resumed)).toEqual(tensorsOf(last));
  const [, plain] = await trained({});
  expect(tensorsOf(last)).not.toEqual(tensorsOf(plain));
});

it('sgd by name is the SGD of the section to the last bit', async () => {
  const recipe = { momentum: 0.6, nesterov: false, weightDecay: 0.01 };
  const [, named] = await trained({ optimizer: { name: 'sgd', ...recipe } });
  const [, plain] = await trained(recipe);
  expect(tensorsOf(named)).toEqual(tensorsOf(plain));
});

it('a config names it, with its own options alone; without it there is no such key', () => {
  const registry = registryWith([{ file: 'mine.ts', plugin: { optimizers: [signs] } }]);
  const config = (train: string) =>
    parseConfig(
      `{ name: x, data: { name: cifar10 }, network: { name: resnet, layers: 8 }, method: { method: bp },
         train: { epochs: 1, batchSize: 1, learningRate: 1${train} } }`,
      'c.yaml',
      [],
      registry,
    ).train;
  expect(config(', optimizer: signs').optimizer).toEqual({ name: 'signs', momentum: 0.5 });
  expect(config('')).not.toHaveProperty('optimizer');
  expect(() => config(', optimizer: sign')).toThrow(
    /train\.optimizer\.name: must be one of sgd, adamw, signs, not "sign" \(did you mean "signs"\?\)/,
  );
  expect(() => config(', optimizer: { name: signs, nesterov: true }')).toThrow(/unknown key/);
});

it('what a plugin builds is checked', () => {
  const bad = { ...signs, build: () => ({ step: () => undefined }) as never };
  const { optimizers: kinds } = registryWith([{ file: 'bad.js', plugin: { optimizers: [bad] } }]);
  expect(() => kinds.at(-1)!.build({})).toThrow(
    /^bad\.js: optimizer "signs": build must return an optimizer \{ step, state, restore, dispose \} \(state: /,
  );
});

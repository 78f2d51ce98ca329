import tf = require('@tensorflow/tfjs');
import { createBatch, type Batch } from '../../src/local/batch.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { buildStrategy } from '../../src/local/build.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { randomStream } from '../../src/core/random.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import type { Optimizer } from '../../src/train/optimizer.js';
import { planSteps, trainStep, type StepResult } from '../../src/train/step.js';

/** A network and images so small that a training step takes milliseconds. */
export const tinyShape = [8, 8, 3] as const;
export const tinyClasses = 4;

/** ResNet-14: a stem and six blocks. */
export function tinyNetwork(layers = 14, seed = 1): Network {
  return resnetCifar({ layers, classes: tinyClasses, imageShape: tinyShape, seed });
}

/** Images whose classes differ by a constant, so that they can be learned. Belongs to the current scope. */
export function tinyBatch(size = 8, name = 'batch'): Batch {
  const random = randomStream(1, 'tiny', name);
  const labels = Uint8Array.from({ length: size }, (_, i) => i % tinyClasses);
  const pixels = tinyShape[0] * tinyShape[1] * tinyShape[2];
  const images = Float32Array.from(
    { length: size * pixels },
    (_, i) => 0.7 * random.uniform() + 0.3 * (labels[Math.floor(i / pixels)]! / (tinyClasses - 1)),
  );
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return createBatch(images, labels, tinyShape, tinyClasses, normalization);
}

/** Small versions of every method for a ResNet-14. */
export const tinyMethods: readonly StrategyOptionsInput[] = [
  { method: 'bp' },
  { method: 'greedy' },
  { method: 'dgl' },
  { method: 'predsim' },
  { method: 'infopro' },
  { method: 'infopro', blocks: 3, loss: 'contrast' },
  { method: 'auglocal', depth: 2 },
  { method: 'man', blocks: 3, auxiliary: '1c2f' },
  { method: 'man', blocks: 3, auxiliary: '0c2f', loss: 'contrast' },
  { method: 'hpff', blocks: 4, auxiliary: '1c1f' },
  { method: 'hpff', blocks: 3, fusion: 'whole', loss: 'contrast' },
  { method: 'hpff', blocks: 3, fusion: 'patch-sum', independentWeight: 0 },
  { method: 'man-plus', blocks: 5, auxiliary: '1c2f' },
  { method: 'man-plus', blocks: 2, auxiliary: '1c1f', stemAuxiliary: 'as-others', momentumStart: 'copied' },
  { method: 'dgl-man-plus', blocks: 3, featureWidth: 16 },
  { method: 'mlaan', blocks: 4 },
  { method: 'mlaan', blocks: 5, variant: 'imagenet' },
  { method: 'contsup', blocks: 4 },
  { method: 'contsup', context: 'R2', reconstruction: [5, 0.5], classification: [0.25, 1] },
];

/** `man contrast`: a method's options in words. */
export function titleOf({ method, ...rest }: StrategyOptionsInput): string {
  return [method, ...Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`)].join(', ');
}

/** Whether it compares features, which takes one class an image: MAN++'s stem does, whatever its loss. */
export function contrasts(options: StrategyOptionsInput): boolean {
  return (
    ('loss' in options && options.loss === 'contrast') ||
    (options.method === 'man-plus' && options.stemAuxiliary !== 'as-others')
  );
}

/** What an update's loss depends on, of what is trained. */
export const reachedBy = ({ variables, through = [] }: LocalUpdate): tf.Variable[] => [
  ...variables,
  ...through,
];

export interface TinyRun {
  readonly network: Network;
  readonly strategy: Strategy;
  step(batch: Batch, learningRate?: number): StepResult;
  dispose(): void;
}

/** A strategy with an optimiser, ready to step. */
export function tinyRun(
  options: StrategyOptionsInput | ((network: Network) => Strategy),
  network = tinyNetwork(),
  optimizer: Optimizer = sgd(papersSgd),
): TinyRun {
  const strategy = typeof options === 'function' ? options(network) : buildStrategy(network, options);
  const plan = planSteps(strategy.updates);
  return {
    network,
    strategy,
    step(batch, learningRate = 0.05) {
      let result: StepResult | undefined;
      tf.tidy(() => {
        result = trainStep(strategy, plan, optimizer, learningRate, batch);
      });
      return result!;
    },
    dispose() {
      optimizer.dispose();
      strategy.dispose();
      disposeNetwork(network);
    },
  };
}

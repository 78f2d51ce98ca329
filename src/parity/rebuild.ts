import tf = require('@tensorflow/tfjs');
import { evaluationMode } from '../engine/fused/ops.js';
import { createBatch } from '../local/batch.js';
import { buildStrategy } from '../local/build.js';
import type { Strategy } from '../local/strategy.js';
import { disposeNetwork, networkForward, networkState } from '../networks/network.js';
import { resnetCifar } from '../networks/resnet-cifar.js';
import { resnetImagenet } from '../networks/resnet-imagenet.js';
import { setFromTorch, toTorch, toTorchShape, type Parameter } from '../nn/parameters.js';
import { randomStream } from '../core/random.js';
import { papersSgd, sgd } from '../train/sgd.js';
import type { Optimizer } from '../train/optimizer.js';
import { planSteps, trainStep } from '../train/step.js';
import type { GoldenFile } from './golden-file.js';
import {
  goldenImageOptions,
  goldenStrategyOptions,
  publishedMethodOf,
  type GoldenImages,
} from './golden-options.js';
import { goldenImages, goldenLabels, goldenParameter } from './golden-values.js';

/** The numbers of a run. */
export interface RunNumbers {
  /** By step, the values of the published code's backward calls. */
  readonly losses: readonly (readonly number[])[];
  /** Of the evaluation images. */
  readonly logits: readonly (readonly number[])[];
  /** By published name. */
  readonly parameters: ReadonlyMap<string, TensorNumbers>;
  /** The running statistics of all that evaluation uses. */
  readonly running: ReadonlyMap<string, TensorNumbers>;
  /** Published names of the parameters that an update changes. */
  readonly trained: ReadonlySet<string>;
}

/** What a file has of a tensor. */
export interface TensorNumbers {
  readonly shape: readonly number[];
  /** L2 norm. */
  readonly norm: number;
  readonly mean: number;
  /** The first two values, row by row in PyTorch's layout. */
  readonly first: readonly number[];
}

/** The most float32 roundings that a perturbation moves a parameter by. */
const roundings = 3;

/**
 * Trains as the published run did, on the engine in use. With a `perturbation` every initial parameter is moved up or
 * down by at most three roundings of float32, by streams of that number: no more than what the hundreds of roundings
 * in each output of a convolution do.
 *
 * Throws a UserError for a method, an option or a network that it cannot rebuild.
 */
export function rebuildRun(golden: GoldenFile, perturbation?: number): RunNumbers {
  const images = goldenImageOptions(golden);
  const classes = golden.eval_logits[0]!.length;
  const build = images.resnet === 'imagenet' ? resnetImagenet : resnetCifar;
  const network = build({ layers: golden.layers, classes, imageShape: images.imageShape, seed: 0 });
  const published = publishedMethodOf(golden);
  const optimizer = sgd({ ...papersSgd, weightDecay: golden.weight_decay });
  let strategy: Strategy | undefined;
  try {
    strategy = buildStrategy(network, goldenStrategyOptions(golden, network));
    const nameOf = published.names(strategy);
    // ContSup's network is one of its own, with the contexts.
    const backbone = networkState(strategy.network);
    const byName = (parameters: readonly Parameter[], running: boolean): Map<string, Parameter> =>
      new Map(
        parameters
          .filter(({ name }) => name.includes('running_') === running)
          .map((parameter) => [nameOf(parameter.name), parameter]),
      );
    const parameters = byName([...backbone, ...strategy.auxiliary], false);
    for (const [name, parameter] of parameters) fill(name, parameter, perturbation);
    const losses = trainOn(golden, strategy, optimizer, images);
    const { backwardCalls } = published;
    const changed = new Set(strategy.updates.flatMap(({ variables }) => variables));
    return {
      losses:
        golden.K > 1 && backwardCalls !== undefined
          ? losses.map((step) => backwardCalls(step, network))
          : losses,
      logits: evaluationLogits(golden, strategy, images),
      parameters: numbersOf(parameters),
      running: numbersOf(byName(backbone, true)),
      trained: new Set(
        [...parameters].filter(([, { variable }]) => changed.has(variable)).map(([name]) => name),
      ),
    };
  } finally {
    optimizer.dispose();
    strategy?.dispose();
    disposeNetwork(network);
  }
}

function fill(name: string, parameter: Parameter, perturbation: number | undefined): void {
  const shape = toTorchShape(parameter.variable.shape);
  const values = goldenParameter(name, shape);
  if (perturbation !== undefined) {
    const random = randomStream(perturbation, 'parity', name);
    values.forEach(
      (value, i) => (values[i] = value * (1 + (random.below(2 * roundings + 1) - roundings) * 2 ** -24)),
    );
  }
  setFromTorch(parameter, { shape, values });
}

function trainOn(
  { steps, batch: size, learning_rate: learningRate }: GoldenFile,
  strategy: Strategy,
  optimizer: Optimizer,
  { imageShape, normalization }: GoldenImages,
): (readonly number[])[] {
  const plan = planSteps(strategy.updates);
  const { classes } = strategy.network;
  return Array.from({ length: steps }, (_, step) => {
    let losses: readonly number[] = [];
    tf.tidy(() => {
      const images = goldenImages(`input${step}`, size, imageShape);
      const batch = createBatch(images, goldenLabels(size, step), imageShape, classes, normalization);
      losses = trainStep(strategy, plan, optimizer, learningRate, batch).losses;
    });
    return losses;
  });
}

function evaluationLogits(
  { eval_logits: { length: count } }: GoldenFile,
  { network }: Strategy,
  { imageShape, normalization }: GoldenImages,
): number[][] {
  return tf.tidy(() => {
    const pixels = goldenImages('eval', count, imageShape);
    const unused = new Uint8Array(count);
    const { images } = createBatch(pixels, unused, imageShape, network.classes, normalization);
    return networkForward(network, images, evaluationMode).arraySync();
  });
}

function numbersOf(parameters: ReadonlyMap<string, Parameter>): Map<string, TensorNumbers> {
  return new Map(
    [...parameters].map(([name, parameter]) => {
      const { shape, values } = toTorch(parameter);
      let [squares, sum] = [0, 0];
      // A loop: `reduce` takes ten times as long.
      for (const value of values) {
        squares += value * value;
        sum += value;
      }
      const [norm, mean] = [Math.sqrt(squares), sum / values.length];
      return [name, { shape, norm, mean, first: [...values.subarray(0, 2)] }];
    }),
  );
}

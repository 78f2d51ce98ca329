import * as tf from '@tensorflow/tfjs';
import { evaluationMode } from '../../engine/fused/ops.js';
import { createBatch, type Normalization } from '../../local/batch.js';
import { buildStrategy } from '../../local/presets.js';
import type { Strategy } from '../../local/strategy.js';
import { disposeNetwork, networkForward, networkState } from '../../networks/network.js';
import { resnetCifar } from '../../networks/resnet-cifar.js';
import { setFromTorch, toTorch, type Parameter } from '../../nn/parameters.js';
import { sgd } from '../../train/sgd.js';
import { planSteps, trainStep } from '../../train/step.js';
import type { GoldenFile } from './golden-file.js';
import { goldenOptions } from './golden-options.js';
import { goldenImages, goldenLabels, goldenParameter } from './golden-values.js';
import { publishedNames } from './published-names.js';

/** The largest relative error of each group of numbers, and what was not there to compare. */
export interface ParityReport {
  readonly loss: number;
  readonly logits: number;
  readonly parameters: number;
  readonly running: number;
  /** Published names of parameters and running statistics that the rebuilt run lacks. */
  readonly missing: readonly string[];
  readonly pass: boolean;
}

const tolerance = { loss: 1e-3, logits: 1e-3, parameters: 1e-4, running: 1e-4 } as const;

const classes = 10;
const learningRate = 0.05;
const evaluationImages = 4;

const cifar: Normalization = {
  mean: [125.3 / 255, 123 / 255, 113.9 / 255],
  std: [63 / 255, 62.1 / 255, 66.7 / 255],
};
const stl: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** Rebuilds a published run from its file on the engine in use, and compares every number. */
export function checkParity(golden: GoldenFile): ParityReport {
  const imageSize = golden.options['image_size'] === 96 ? 96 : 32;
  const imageShape = [imageSize, imageSize, 3] as const;
  const normalization = imageSize === 96 ? stl : cifar;
  const network = resnetCifar({ depth: golden.layers, classes, imageShape, seed: 0 });
  const strategy = buildStrategy(network, goldenOptions(golden));
  const optimizer = sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
  try {
    const nameOf = publishedNames(strategy);
    const backbone = networkState(network);
    const parameters = new Map(
      [...backbone, ...strategy.auxiliary]
        .filter(({ name }) => !name.includes('running_'))
        .map((parameter) => [nameOf(parameter.name), parameter]),
    );
    for (const [name, parameter] of parameters) fill(name, parameter);
    const trace = trainOn(golden, strategy, optimizer, imageShape, normalization);
    const logits = evaluationLogits(strategy, imageShape, normalization);

    const running = new Map(
      backbone
        .filter(({ name }) => name.includes('running_'))
        .map((parameter) => [parameter.name, parameter]),
    );
    const norms = compareNorms(golden.parameters, parameters);
    const statistics = compareNorms(golden.running, running);
    const errors = {
      loss: largest(golden.loss_trace.flatMap((losses, s) => relativeErrors(trace[s]!, losses))),
      logits: largest(golden.eval_logits.flatMap((row, i) => rowErrors(logits[i]!, row))),
      parameters: norms.error,
      running: statistics.error,
    };
    const missing = [...norms.missing, ...statistics.missing];
    const within = (Object.keys(tolerance) as (keyof typeof tolerance)[]).every(
      (group) => errors[group] <= tolerance[group],
    );
    return { ...errors, missing, pass: within && missing.length === 0 };
  } finally {
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
  }
}

function fill(name: string, parameter: Parameter): void {
  const { shape } = toTorch(parameter);
  setFromTorch(parameter, { shape, values: goldenParameter(name, shape) });
}

/** By step, the values of the published code's backward calls. */
function trainOn(
  golden: GoldenFile,
  strategy: Strategy,
  optimizer: ReturnType<typeof sgd>,
  imageShape: readonly [number, number, number],
  normalization: Normalization,
): number[][] {
  const plan = planSteps(strategy.updates);
  return Array.from({ length: golden.steps }, (_, step) => {
    let losses: readonly number[] = [];
    tf.tidy(() => {
      const batch = createBatch(
        goldenImages(`input${step}`, golden.batch, imageShape),
        goldenLabels(golden.batch, step, classes),
        imageShape,
        classes,
        normalization,
      );
      losses = trainStep(strategy, plan, optimizer, learningRate, batch).losses;
    });
    return strategy.name === 'hpff' ? sumPairs(losses) : [...losses];
  });
}

/** HPFF's code takes one backward pass through a cascade's and its second block's losses. */
function sumPairs(losses: readonly number[]): number[] {
  return Array.from({ length: losses.length / 2 }, (_, i) => losses[2 * i]! + losses[2 * i + 1]!);
}

function evaluationLogits(
  { network }: Strategy,
  imageShape: readonly [number, number, number],
  normalization: Normalization,
): number[][] {
  return tf.tidy(() => {
    const { images } = createBatch(
      goldenImages('eval', evaluationImages, imageShape),
      new Uint8Array(evaluationImages),
      imageShape,
      classes,
      normalization,
    );
    return networkForward(network, images, evaluationMode).arraySync();
  });
}

function compareNorms(
  expected: Readonly<Record<string, { readonly l2: number }>>,
  found: ReadonlyMap<string, Parameter>,
): { error: number; missing: string[] } {
  const missing = Object.keys(expected).filter((name) => !found.has(name));
  const errors = Object.entries(expected).flatMap(([name, { l2 }]) => {
    const parameter = found.get(name);
    return parameter === undefined ? [] : relativeErrors([norm(toTorch(parameter).values)], [l2]);
  });
  return { error: largest(errors), missing };
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function relativeErrors(found: readonly number[], expected: readonly number[]): number[] {
  if (found.length !== expected.length) return [Infinity];
  return expected.map((value, i) => Math.abs(found[i]! - value) / Math.max(Math.abs(value), 1e-6));
}

/** Errors of one image's logits, relative to the largest of them: a logit near zero has no precision of its own. */
function rowErrors(found: readonly number[], expected: readonly number[]): number[] {
  const scale = Math.max(...expected.map(Math.abs));
  return expected.map((value, i) => Math.abs(found[i]! - value) / scale);
}

/** NaN counts as infinitely wrong. */
function largest(errors: readonly number[]): number {
  return errors.reduce((most, error) => (error <= most ? most : Number.isNaN(error) ? Infinity : error), 0);
}

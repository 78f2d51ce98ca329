import tf = require('@tensorflow/tfjs');
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  cases,
  changedValues,
  classes,
  imageValues,
  isChanged,
  labelsOf,
  seed,
} from '../../experiments/torchvision/cases.mjs';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { crossEntropy } from '../../src/local/axes/loss/cross-entropy.js';
import { buildNetwork } from '../../src/networks/build.js';
import {
  disposeNetwork,
  networkCounters,
  networkForward,
  networkState,
  unitsForward,
  type Network,
} from '../../src/networks/network.js';
import { networkOptionsSchema } from '../../src/networks/options.js';
import { trainableVariables } from '../../src/nn/layer.js';
import { setFromTorch, toTorch, toTorchShape, type Parameter } from '../../src/nn/parameters.js';

/** Logits of the first classes, the largest of all, and how far torchvision's single precision is off. */
interface RecordedLogits {
  readonly largest: number;
  readonly rounding: number;
  readonly logits: readonly (readonly number[])[];
}

/** What torchvision computes, in double precision: experiments/torchvision/compare.py --record. */
interface Recorded {
  readonly parameters: number;
  readonly keys: number;
  readonly shapes: string;
  readonly evaluation: RecordedLogits;
  readonly training: RecordedLogits;
  /** L2 norms, by parameter. */
  readonly gradients: Readonly<Record<string, number>>;
  /** L2 norms of all running statistics after one training pass. */
  readonly running: Readonly<Record<'running_mean' | 'running_var', number>>;
}

/**
 * Rounding flips ReLUs near 0, and batch statistics of few values amplify that through a hundred layers: for ResNet-152
 * torchvision's own single precision is 1.4 to 2.3 % from its double, by memory format and last bit of the images, where
 * its logits are 0.068 % off.
 */
const gradientTolerance = ({ rounding }: RecordedLogits): number => Math.max(0.02, 60 * rounding);

const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/torchvision.json'), 'utf8'),
) as Record<string, Recorded>;

export const torchvisionCases = Object.keys(cases);

/** Builds a case's network and checks everything that torchvision was asked about it. */
export function expectTorchvisionNumbers(name: string): void {
  const each = cases[name]!;
  const expected = recorded[name]!;
  const network = buildNetwork(networkOptionsSchema.parse(each.network), {
    classes,
    imageShape: [each.size, each.size, 3],
    seed,
  });
  try {
    expect(network.name).toBe(`${each.network.name}-${each.network.layers}`);
    expectSameState(network, expected);
    for (const parameter of networkState(network)) {
      if (!isChanged(parameter.name, parameter.variable.shape)) continue;
      const { shape, values } = toTorch(parameter);
      setFromTorch(parameter, { shape, values: changedValues(each, parameter.name, values) });
    }
    tf.tidy(() => {
      const values = tf.tensor4d(imageValues(each), [each.batch, 3, each.size, each.size]);
      const images = tf.transpose(values, [0, 2, 3, 1]);
      expectLogits(networkForward(network, images, evaluationMode), expected.evaluation);
      expectTraining(network, images, labelsOf(each), expected);
    });
    expectRunning(network, expected);
  } finally {
    disposeNetwork(network);
  }
}

/** The keys of torchvision's `state_dict` and their shapes. */
function expectSameState(network: Network, expected: Recorded): void {
  const count = (parameters: readonly Parameter[]): number =>
    parameters.reduce((total, { variable }) => total + variable.size, 0);
  const layers = [...network.units.map(({ layer }) => layer), network.head];
  expect(count(layers.flatMap(({ parameters }) => parameters))).toBe(expected.parameters);
  const shapes = [
    ...networkState(network).map(
      ({ name, variable }) => `${name} ${toTorchShape(variable.shape).join('x')}\n`,
    ),
    ...networkCounters(network)
      .filter(({ torch }) => torch)
      .map((counter) => `${counter.name} \n`),
  ].sort();
  expect(shapes).toHaveLength(expected.keys);
  expect(createHash('sha256').update(shapes.join('')).digest('hex')).toBe(expected.shapes);
}

function expectLogits(found: tf.Tensor2D, { largest, logits, rounding }: RecordedLogits): void {
  const rows = found.arraySync();
  const tolerance = Math.max(1e-4, 3 * rounding);
  logits.forEach((row, i) =>
    row.forEach((logit, j) => expect(Math.abs(rows[i]![j]! - logit) / largest).toBeLessThan(tolerance)),
  );
}

/** In training mode but for the head's dropout, as PyTorch's masks are its own. */
function expectTraining(
  network: Network,
  images: tf.Tensor4D,
  labels: readonly number[],
  { training, gradients }: Recorded,
): void {
  const wanted = networkState(network).filter(({ name }) => name in gradients);
  expect(wanted).toHaveLength(Object.keys(gradients).length);
  const { grads } = tf.variableGrads(
    () => {
      const features = unitsForward(network.units, images, images, trainingMode);
      const logits = network.head.forward(features, {
        training: false,
        parameterGradients: true,
      }) as tf.Tensor2D;
      expectLogits(logits, training);
      return crossEntropy(logits, tf.oneHot(tf.tensor1d([...labels], 'int32'), classes) as tf.Tensor2D);
    },
    trainableVariables([...network.units.map(({ layer }) => layer), network.head]),
  );
  for (const { name, variable } of wanted) {
    const norm = tf.norm(grads[variable.name]!).dataSync()[0]!;
    expect(Math.abs(norm / gradients[name]! - 1), name).toBeLessThan(gradientTolerance(training));
  }
}

function expectRunning(network: Network, { running }: Recorded): void {
  for (const [kind, expected] of Object.entries(running)) {
    const statistics = networkState(network).filter(({ name }) => name.endsWith(kind));
    const squares = statistics.map(({ variable }) =>
      tf.tidy(() => tf.sum(tf.square(variable)).dataSync()[0]!),
    );
    const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    expect(Math.abs(norm - expected)).toBeLessThanOrEqual(1e-4 * expected);
  }
}

import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { momentumBridge } from '../../../../src/local/axes/bridge/momentum.js';
import { scaledMomentumBridge } from '../../../../src/local/axes/bridge/scaled-momentum.js';
import type { MomentumStart } from '../../../../src/local/axes/bridge/momentum-net.js';
import { childScope, rootScope, toTorch, type Parameter } from '../../../../src/nn/parameters.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { disposeNetwork, type Network } from '../../../../src/networks/network.js';
import { startEngine } from '../../../support/engine.js';
import { dot, largestError } from '../../../support/numeric.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const valuesOf = (parameters: readonly Parameter[]): number[][] =>
  parameters.map((parameter) => [...toTorch(parameter).values]);

function bridgeAt(network: Network, unit: number, momentum: number, start?: MomentumStart) {
  const next = network.units[unit]!;
  return { next, bridge: momentumBridge(momentum, start)(childScope(rootScope(1), 'b'), next) };
}

test('both nets and the next unit start apart, drawn alike', () => {
  const network = tinyNetwork();
  const { next, bridge } = bridgeAt(network, 3, 0.9);
  const starts = [next.layer, bridge.trained, bridge.averaged].map(({ parameters }) => parameters);
  const weights = starts.map(([first]) => valuesOf([first!])[0]!);
  const energy = weights.map((values) => dot(values, values));
  // Of 4,608 independent values the correlation is about 0.015.
  for (const [a, b] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    expect(Math.abs(dot(weights[a]!, weights[b]!)) / Math.sqrt(energy[a]! * energy[b]!)).toBeLessThan(0.08);
    expect(energy[a]! / energy[b]!).toBeCloseTo(1, 0);
  }
  [bridge.trained, bridge.averaged].forEach(disposeLayer);
  disposeNetwork(network);
});

test('a momentum net that starts as a copy of the next unit has its values, and no part in its memory', () => {
  const network = tinyNetwork();
  const { next, bridge } = bridgeAt(network, 3, 0.9, 'copied');
  const followed = valuesOf(next.layer.parameters);
  expect(valuesOf(bridge.averaged.parameters)).toEqual(followed);
  expect(valuesOf(bridge.trained.parameters)[0]).not.toEqual(followed[0]);
  // A copy: what changes the next unit does not change the net.
  tf.tidy(() => next.layer.parameters[0]!.variable.assign(tf.zerosLike(next.layer.parameters[0]!.variable)));
  expect(valuesOf(bridge.averaged.parameters)).toEqual(followed);
  [bridge.trained, bridge.averaged].forEach(disposeLayer);
  disposeNetwork(network);
});

test('M ← m · M + (1 − m) · next unit, parameters only', () => {
  const network = tinyNetwork();
  const { next, bridge } = bridgeAt(network, 3, 0.9);
  const before = valuesOf(bridge.averaged.parameters);
  const statistics = valuesOf(bridge.averaged.buffers);
  for (const { variable } of [...next.layer.parameters, ...next.layer.buffers])
    tf.tidy(() => variable.assign(tf.add(variable, 1)));
  bridge.after();
  const after = valuesOf(bridge.averaged.parameters).flat();
  const followed = valuesOf(next.layer.parameters).flat();
  const expected = before.flat().map((value, i) => 0.9 * value + 0.1 * followed[i]!);
  expect(largestError(after, expected)).toBeLessThan(1e-5);
  expect(valuesOf(bridge.averaged.buffers)).toEqual(statistics);
  [bridge.trained, bridge.averaged].forEach(disposeLayer);
  disposeNetwork(network);
});

test('the features are the sum of both nets, and gradients flow through both', () => {
  const network = tinyNetwork();
  const { bridge } = bridgeAt(network, 3, 0.9);
  const zero = (parameters: readonly Parameter[]): void =>
    parameters.forEach(({ variable }) => tf.tidy(() => variable.assign(tf.zerosLike(variable as tf.Tensor))));
  tf.tidy(() => {
    const x = tf.randomUniform<tf.Rank.R4>([4, 8, 8, 16], 0, 1, 'float32', 1);
    const gradient = (): number =>
      tf
        .sum(tf.abs(tf.grad((input) => tf.sum(tf.square(bridge.forward(input as tf.Tensor4D))))(x)))
        .dataSync()[0]!;
    expect(gradient()).toBeGreaterThan(0);
    zero(bridge.trained.parameters);
    expect(gradient()).toBeGreaterThan(0);
    zero(bridge.averaged.parameters);
    expect(gradient()).toBe(0);
  });
  [bridge.trained, bridge.averaged].forEach(disposeLayer);
  disposeNetwork(network);
});

test('MAN++: s · B(x) + (2 − s) · M(x), with the gradients of that, s among them', () => {
  const network = tinyNetwork();
  const bridge = scaledMomentumBridge(0.9)(childScope(rootScope(1), 'b'), network.units[3]!);
  const scale = bridge.trained.parameters.at(-1)!;
  expect(scale.name).toBe('b.scale');
  expect([...toTorch(scale).values]).toEqual([1]);
  const s = scale.variable as tf.Variable<tf.Rank.R0>;
  const bias = bridge.trained.parameters[0]!.variable;
  tf.tidy(() => {
    s.assign(tf.scalar(0.7));
    const x = tf.randomUniform<tf.Rank.R4>([4, 8, 8, 16], 0, 1, 'float32', 1);
    const dy = tf.randomUniform<tf.Rank.R4>([4, 4, 4, 32], -1, 1, 'float32', 2);
    const plain = (input: tf.Tensor4D): tf.Tensor4D =>
      tf.add(
        tf.mul(bridge.trained.forward(input, trainingMode), s),
        tf.mul(bridge.averaged.forward(input, trainingMode), tf.sub(2, s)),
      );
    const [found, expected] = [(input: tf.Tensor4D) => bridge.forward(input), plain].map((f) => {
      const loss = (input: tf.Tensor): tf.Scalar => tf.sum(tf.mul(f(input as tf.Tensor4D), dy));
      const { grads } = tf.variableGrads(() => loss(x), [s, bias]);
      return [f(x), tf.grad(loss)(x), grads[s.name]!, grads[bias.name]!].map((t) => [...t.dataSync()]);
    });
    found!.forEach((values, i) => expect(largestError(values, expected![i]!)).toBeLessThan(1e-4));
  });
  [bridge.trained, bridge.averaged].forEach(disposeLayer);
  disposeNetwork(network);
});

test('in a training step the average reads the next unit as it was before the step', () => {
  const network = tinyNetwork();
  const run = tinyRun({ method: 'man', blocks: 2, momentum: 0.5 }, network);
  const momentum = run.strategy.auxiliary.find(({ name }) => name === 'auxiliary.0.momentum.conv1.weight')!;
  const unit = run.strategy.partition[1]![0]!;
  const next = network.units.find(({ name }) => name === unit)!.layer.parameters[0]!;
  const [initial] = valuesOf([next]);
  const [start] = valuesOf([momentum]);
  tf.tidy(() => {
    run.step(tinyBatch());
  });
  const halfway = start!.map((value, i) => (value + initial![i]!) / 2);
  expect(largestError(valuesOf([momentum])[0]!, halfway)).toBeLessThan(1e-6);
  expect(valuesOf([next])[0]).not.toEqual(initial);
  run.dispose();
});

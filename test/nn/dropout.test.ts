import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { dropout } from '../../src/nn/dropout.js';
import type { Layer } from '../../src/nn/layer.js';
import { rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

beforeAll(() => startEngine());

const size = 20_000;
const pass = (layer: Layer): Float32Array =>
  tf.tidy(() => layer.forward(tf.ones([size / 100, 100]), trainingMode).dataSync()) as Float32Array;

test.each([0.5, 0.2])('drops a share of %f and scales up the rest', (rate) => {
  const values = pass(dropout(rootScope(1, 'drop'), rate));
  const dropped = values.filter((value) => value === 0).length / size;
  // Four standard deviations.
  expect(Math.abs(dropped - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / size));
  for (const value of values) if (value !== 0) expect(value).toBeCloseTo(1 / (1 - rate), 5);
});

test('depends on the seed, the name and how often it was passed, and on nothing else', () => {
  const layer = dropout(rootScope(1, 'drop'), 0.5);
  const [first, second] = [pass(layer), pass(layer)];
  expect(second).not.toEqual(first);
  const again = dropout(rootScope(1, 'drop'), 0.5);
  expect(pass(again)).toEqual(first);
  expect(pass(dropout(rootScope(2, 'drop'), 0.5))).not.toEqual(first);
  expect(pass(dropout(rootScope(1, 'other'), 0.5))).not.toEqual(first);
});

test('draws other masks for each share of a batch, and those of a process by itself for the first', () => {
  const maskOf = (share?: number): Float32Array => {
    const layer = dropout(rootScope(1, 'drop'), 0.5);
    if (share !== undefined) layer.counters![0]!.share = share;
    return pass(layer);
  };
  expect(maskOf(0)).toEqual(maskOf());
  expect(maskOf(1)).not.toEqual(maskOf());
  expect(maskOf(2)).not.toEqual(maskOf(1));
});

test('continues from its counter', () => {
  const layer = dropout(rootScope(1, 'drop'), 0.5);
  pass(layer);
  const [counter] = layer.counters!;
  expect(counter).toEqual({ name: 'drop.passes', torch: false, value: 1 });
  const resumed = dropout(rootScope(1, 'drop'), 0.5);
  resumed.counters![0]!.value = counter!.value;
  expect(pass(resumed)).toEqual(pass(layer));
});

test('gradients pass where values do, and evaluation drops nothing', () => {
  const layer = dropout(rootScope(1, 'drop'), 0.5);
  const twin = dropout(rootScope(1, 'drop'), 0.5);
  tf.tidy(() => {
    const x = tf.ones([10, 100]);
    const gradient = tf.grad((at) => tf.sum(layer.forward(at, trainingMode)))(x);
    expect(gradient.dataSync()).toEqual(twin.forward(x, trainingMode).dataSync());
    expect(layer.forward(x, evaluationMode).dataSync()).toEqual(x.dataSync());
  });
  expect(layer.counters![0]!.value).toBe(1);
});

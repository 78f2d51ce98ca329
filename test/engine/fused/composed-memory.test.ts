import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { trainingMode, type Convolution } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { startEngine } from '../../support/engine.js';

// On the one engine on which all that training needs is composed.
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine('wasm');
});

const channels = 8;
const map: [number, number, number, number] = [4, 16, 16, channels];
const filters = 3 * 3 * channels * channels;

/** The most that a layer's forward and backward pass hold, in maps, with what it reads. */
function peakInMaps(x: tf.Tensor4D, settings: Partial<Convolution>): number {
  return tf.tidy(() => {
    const filter = tf.randomNormal<tf.Rank.R4>([3, 3, channels, channels], 0, 1, 'float32', 1);
    const ones = tf.ones<tf.Rank.R1>([channels]);
    const zeros = tf.zeros<tf.Rank.R1>([channels]);
    const norm = {
      gamma: ones,
      beta: zeros,
      runningMean: tf.variable(zeros),
      runningVariance: tf.variable(ones),
    };
    const convolution: Convolution = { filter, stride: 1, padding: 1, groups: 1, ...settings };
    engine.memory.reset();
    const without = engine.memory.current() - 4 * x.size;
    tf.grads((...inputs: tf.Tensor[]) =>
      fused().convBatchNorm(inputs[0] as tf.Tensor4D, convolution, norm, { relu: true, mode: trainingMode }),
    )([x, filter, ones, zeros]);
    const bytes = engine.memory.peak() - without;
    tf.dispose([norm.runningMean, norm.runningVariance]);
    return bytes / (4 * tf.util.sizeFromShape(map));
  });
}

/** Filters, and what there is a number a channel of, at most. */
const small = (4 * filters) / tf.util.sizeFromShape(map);

test('the backward pass of a composed layer frees each map with its last use', () => {
  const x = tf.randomNormal<tf.Rank.R4>(map, 0, 1, 'float32', 1);
  // Input, convolution's result, output and three that the gradients take at a time.
  expect(peakInMaps(x, {})).toBeLessThan(6 + small);
  x.dispose();
});

test('of what a layer resizes, the gradient of the filter takes one copy', () => {
  const x = tf.randomNormal<tf.Rank.R4>([4, 4, 4, channels], 0, 1, 'float32', 1);
  // Output, convolution's gradient and its copy, the resized map and its copy, and what is small.
  expect(peakInMaps(x, { resized: [16, 16] })).toBeLessThan(6 + small);
  x.dispose();
});

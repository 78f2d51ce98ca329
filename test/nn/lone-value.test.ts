import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import { batchNorm } from '../../src/nn/batch-norm.js';
import { convBatchNorm } from '../../src/nn/layers.js';
import type { Layer } from '../../src/nn/layer.js';
import { rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

// The layers check it, and not the engine: on this one the numbers would be lost without a word.
beforeAll(async () => {
  await startEngine('cpu');
});

const norm = (): Layer => batchNorm(rootScope(1, 'block2.bn'), 4, { relu: true });
const convolution = (kernel: number, stride: number): Layer =>
  convBatchNorm(rootScope(1, 'tail'), ['conv', 'bn'], {
    ...{ inChannels: 3, outChannels: 4, kernel, stride },
    relu: false,
  });

describe('batch normalisation in training', () => {
  test.each<[string, () => Layer, shape: number[]]>([
    ['a row of one image', norm, [1, 4]],
    ['a map of one image and one position', norm, [1, 1, 1, 4]],
    ['a convolution of one position', () => convolution(1, 1), [1, 1, 1, 3]],
    ['a convolution that comes to one position', () => convolution(3, 2), [1, 2, 2, 3]],
  ])('refuses %s', (_, build, shape) => {
    tf.tidy(() => {
      const layer = build();
      const forward = (mode = trainingMode, batch = 1): tf.Tensor =>
        layer.forward(tf.ones([batch, ...shape.slice(1)]), mode);
      expect(() => forward()).toThrow(UserError);
      expect(() => forward()).toThrow(
        /^the batch normalisation '(block2\.bn|tail\.bn)' has one value a channel, of which there is no variance: .*; take batches of two images or more$/,
      );
      for (const buffer of layer.buffers) {
        const initial = buffer.name.endsWith('running_var') ? 1 : 0;
        expect([...buffer.variable.dataSync()]).toEqual(Array<number>(4).fill(initial));
      }
      expect([...forward(trainingMode, 2).dataSync()].every(Number.isFinite)).toBe(true);
      expect([...forward(evaluationMode).dataSync()].every(Number.isFinite)).toBe(true);
    });
  });

  test.each<[string, () => Layer, shape: number[]]>([
    ['a map', norm, [1, 1, 2, 4]],
    ['a convolution of several positions', () => convolution(3, 2), [1, 3, 3, 3]],
  ])('takes %s of one image', (_, build, shape) => {
    tf.tidy(() => {
      const y = build().forward(tf.ones(shape), trainingMode);
      expect([...y.dataSync()].every(Number.isFinite)).toBe(true);
    });
  });
});

import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import type { TorchBackend } from '../../../src/engine/torch/backend.js';
import { registerTorchBackend } from '../../../src/engine/torch/register.js';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { hasTorch, normal } from '../compare.js';
import { arrayCases } from './kernels/cases/arrays.js';
import { elementwiseCases } from './kernels/cases/elementwise.js';
import { indexingCases } from './kernels/cases/indexing.js';
import { layerCases } from './kernels/cases/layers.js';

describe.skipIf(!hasTorch)('the torch backend', () => {
  let backend: TorchBackend;
  const allocated = (): number => backend.native.memory('cpu').allocatedBytes;

  beforeAll(async () => {
    tf.enableProdMode();
    backend = registerTorchBackend('cpu');
    await tf.setBackend('torch');
  });

  test('is one for the process', () => {
    expect(registerTorchBackend('cpu')).toBe(backend);
    expect(() => registerTorchBackend('cuda')).toThrow(/already runs on cpu/);
  });

  test('gives back what it was given', async () => {
    const floats = tf.tensor2d([
      [1.5, -2],
      [NaN, Infinity],
    ]);
    expect(await floats.data()).toEqual(new Float32Array([1.5, -2, NaN, Infinity]));
    expect(tf.tensor1d([1, -2147483648], 'int32').dataSync()).toEqual(new Int32Array([1, -2147483648]));
    expect(tf.tensor1d([true, false]).dataSync()).toEqual(new Uint8Array([1, 0]));
    expect(tf.tensor1d(['ä', '']).dataSync()).toEqual(['ä', '']);
    expect(tf.scalar(3).dataSync()).toEqual(new Float32Array([3]));
    expect(tf.zeros([0, 4]).dataSync()).toEqual(new Float32Array(0));
    expect(tf.complex([1, 2], [3, 4]).dataSync()).toEqual(new Float32Array([1, 3, 2, 4]));
  });

  test('keeps no hold on the values it was given', () => {
    const values = new Float32Array([1, 2]);
    const x = tf.tensor1d(values);
    values[0] = 9;
    expect(x.dataSync()).toEqual(new Float32Array([1, 2]));
  });

  test('moves tensors from and to other backends', async () => {
    const x = tf.tensor1d([1, 2, 3]);
    await tf.setBackend('cpu');
    const y = tf.mul(x, 2);
    await tf.setBackend('torch');
    expect(tf.add(x, y).dataSync()).toEqual(new Float32Array([3, 6, 9]));
  });

  test('frees data when the last tensor that shares it goes', () => {
    const before = allocated();
    const x = tf.zeros([256, 256]);
    const y = tf.reshape(x, [-1]);
    const held = allocated() - before;
    expect(held).toBeGreaterThanOrEqual(4 * 256 * 256);
    x.dispose();
    expect(allocated() - before).toBe(held);
    expect(backend.refCount(y.dataId)).toBe(1);
    y.dispose();
    expect(allocated()).toBe(before);
    expect(backend.refCount(y.dataId)).toBe(0);
  });

  test('a slice does not keep the whole in memory', () => {
    const before = allocated();
    const x = tf.zeros([1024, 64]);
    const row = tf.slice(x, [3, 0], [1, 64]);
    const [part, ...others] = tf.split(x, 8);
    tf.dispose([x, others]);
    expect(allocated() - before).toBeLessThan((4 * 1024 * 64) / 4);
    tf.dispose([row, part!]);
    expect(allocated()).toBe(before);
  });

  test('an intermediate result is freed when its kernel ends, also by an error', () => {
    const x = tf.zeros([64, 64]);
    const before = allocated();
    const tensors = tf.memory().numTensors;
    tf.dispose(tf.floorDiv(x, tf.scalar(2)));
    expect(() => tf.tidy(() => tf.prelu(x, tf.zeros([3, 5])))).toThrow(/aten::mul/);
    expect(tf.memory().numTensors - tensors).toBe(1);
    expect(allocated() - before).toBeLessThan(1024);
    x.dispose();
  });

  test('no kernel leaks a tensor or a byte', () => {
    const families = { ...elementwiseCases, ...arrayCases, ...indexingCases, ...layerCases };
    const round = (): void => {
      for (const f of Object.values(families).flatMap((cases) => Object.values(cases))) {
        tf.tidy(() => [f()].flat().forEach((tensor) => void tensor.dataSync()));
      }
    };
    const counts = (): unknown => ({
      bytes: allocated(),
      data: backend.numDataIds(),
      tensors: tf.memory().numTensors,
      tensorBytes: tf.memory().numBytes,
    });
    round();
    const after = counts();
    round();
    expect(counts()).toEqual(after);
  });

  test('gradients leak nothing either', () => {
    const x = normal<tf.Rank.R4>('x', [2, 8, 8, 3]);
    const filter = tf.variable(normal<tf.Rank.R4>('filter', [3, 3, 3, 4]));
    const step = (): void =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() =>
          tf.mean(tf.square(tf.avgPool(tf.relu(tf.conv2d(x, filter, 1, 'same')), 2, 2, 'same'))),
        );
        filter.assign(tf.sub(filter, tf.mul(grads[filter.name]!, 0.1)));
      });
    step();
    step();
    const [bytes, tensors] = [allocated(), tf.memory().numTensors];
    for (let i = 0; i < 18; i++) step();
    expect([allocated(), tf.memory().numTensors]).toEqual([bytes, tensors]);
    tf.dispose([x, filter]);
  });

  test('hands libtorch tensors out and takes them in, for ops outside of kernels', () => {
    const before = allocated();
    const add = backend.native.op('aten::add', 'Tensor');
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const flat = tf.reshape(x, [4]);
    const sum = tf.tidy(() =>
      backend.wrap(add(backend.input(flat), backend.input(tf.scalar(1))) as NativeTensor),
    );
    expect(backend.input(flat)).toBe(backend.input(flat));
    expect(sum.shape).toEqual([4]);
    expect(sum.dataSync()).toEqual(new Float32Array([2, 3, 4, 5]));
    tf.dispose([x, flat, sum]);
    expect(allocated()).toBe(before);
  });

  test('a kernel may not return what it did not make', () => {
    const x = tf.ones([2]);
    expect(() => backend.scope(() => backend.output(backend.input(x)))).toThrow(/that it made/);
    x.dispose();
  });

  test('times and profiles', async () => {
    const { kernelMs } = await tf.time(() => tf.tidy(() => tf.matMul(tf.ones([64, 64]), tf.ones([64, 64]))));
    expect(kernelMs).toBeGreaterThan(0);
  });

  test('trains a model of the layers API', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [8, 8, 1],
          filters: 4,
          kernelSize: 3,
          kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
        }),
        tf.layers.batchNormalization(),
        tf.layers.activation({ activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({
          units: 2,
          activation: 'softmax',
          kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }),
        }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    // Which half of the image is brighter.
    const noise = normal<tf.Rank.R4>('images', [64, 8, 8, 1]);
    const left = tf.less(
      tf.mean(tf.slice(noise, [0, 0, 0, 0], [64, 8, 4, 1]), [1, 2, 3]),
      tf.mean(tf.slice(noise, [0, 0, 4, 0], [64, 8, 4, 1]), [1, 2, 3]),
    );
    const labels = tf.oneHot(tf.cast(left, 'int32'), 2);
    const { history } = await model.fit(noise, labels, {
      epochs: 12,
      batchSize: 16,
      shuffle: false,
      verbose: 0,
    });
    const losses = history['loss'] as number[];
    expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]!);
    const predicted = model.predict(noise) as tf.Tensor;
    expect(predicted.shape).toEqual([64, 2]);
    tf.dispose([noise, left, labels, predicted]);
    model.dispose();
  });
});

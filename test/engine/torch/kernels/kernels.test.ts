import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { startTorch } from '../../../support/device.js';
import { expectSame, hasTorch, normal, runOn } from '../../compare.js';
import { arrayCases } from './cases/arrays.js';
import { elementwiseCases } from './cases/elementwise.js';
import { indexingCases } from './cases/indexing.js';
import { layerCases } from './cases/layers.js';

const families = { ...elementwiseCases, ...arrayCases, ...indexingCases, ...layerCases };

describe.skipIf(!hasTorch)('the torch backend computes what the cpu backend does', () => {
  beforeAll(() => {
    tf.enableProdMode();
    startTorch();
  });

  for (const [family, cases] of Object.entries(families)) {
    test.each(Object.entries(cases))(`${family}: %s`, async (_, f) => {
      expectSame(await runOn('torch', f), await runOn('cpu', f), 2e-5);
    });
  }

  test('every kernel of the cpu backend but one is there', () => {
    const names = new Set(tf.getKernelsForBackend('torch').map(({ kernelName }) => kernelName));
    const missing = tf.getKernelsForBackend('cpu').filter(({ kernelName }) => !names.has(kernelName));
    expect(missing.map(({ kernelName }) => kernelName)).toEqual(['Draw']);
  });

  // The cpu backend repeats the smaller batch wrongly here.
  test('batches of matrices broadcast both ways', async () => {
    const [a, b] = [(): tf.Tensor => normal('a', [2, 1, 3, 4]), (): tf.Tensor => normal('b', [3, 4, 5])];
    const repeated = (): tf.Tensor =>
      tf.matMul(tf.tile(a(), [1, 3, 1, 1]), tf.tile(tf.expandDims(b()), [2, 1, 1, 1]));
    expectSame(await runOn('torch', () => tf.matMul(a(), b())), await runOn('cpu', repeated));
  });

  test('complex numbers and Fourier transforms', async () => {
    const f = (): tf.Tensor[] => {
      const z = tf.complex(normal('re', [3, 8]), normal('im', [3, 8]));
      const spectrum = tf.fft(z);
      return [
        tf.real(spectrum),
        tf.imag(spectrum),
        tf.abs(z),
        tf.real(tf.mul(z, z)),
        tf.real(tf.ifft(spectrum)),
      ];
    };
    expectSame(await runOn('torch', f), await runOn('cpu', f), 1e-4);
  });

  test.each<[string, () => tf.Tensor, RegExp]>([
    [
      'gather',
      () => tf.gather(tf.ones([2, 3]), tf.tensor1d([2], 'int32')),
      /index value 2 is not in \[0, 1\]/,
    ],
    ['scatter', () => tf.scatterND(tf.tensor2d([[4]], [1, 1], 'int32'), tf.ones([1]), [3]), /index value 4/],
    ['matMul', () => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3])), /inner/i],
    ['add', () => tf.add(tf.ones([2]), tf.ones([3])), /aten::add/],
  ])('%s refuses wrong inputs', async (_, f, message) => {
    await tf.setBackend('torch');
    expect(() => tf.tidy(f)).toThrow(message);
  });
});

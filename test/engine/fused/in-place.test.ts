import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { fused } from '../../../src/engine/fused/registry.js';
import { selectEngine } from '../../../src/engine/select.js';
import { testEngines } from '../../support/engine.js';

/** Ops without gradients: those that bring bytes in, and those that write to variables. */
for (const engine of testEngines) {
  describe(`ops without gradients on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    it.each([ArrayBuffer, SharedArrayBuffer])(
      "bytes in an %o become a table's numbers, by channel",
      (Memory) => {
        const values = new Uint8Array(new Memory(7)).subarray(1);
        values.set([0, 1, 127, 128, 255, 9]);
        // Of the second channel a little more.
        const table = Float32Array.from({ length: 512 }, (_, i) => Math.floor(i / 2) + (i % 2) / 128);
        tf.tidy(() => {
          const tensor = fused().fromBytes(values, [3, 2], table);
          expect(tensor.dtype).toBe('float32');
          expect(tensor.arraySync()).toEqual([
            [0, 1 + 1 / 128],
            [127, 128 + 1 / 128],
            [255, 9 + 1 / 128],
          ]);
        });
      },
    );

    it('moves averages towards values', () => {
      const average = tf.variable(tf.tensor1d([1, 2]));
      fused().movingAverage([average], [tf.tensor1d([3, -2])], 0.75);
      expect([...average.dataSync()]).toEqual([1.5, 1]);
    });

    it('copies where memory is shared before it writes', () => {
      const a = tf.variable(tf.tensor1d([1, 2]));
      const b = tf.variable(tf.tensor1d([0, 0]));
      b.assign(a);
      const momenta = [tf.variable(tf.zeros([2]))];
      const settings = { learningRate: 1, momentum: 0, weightDecay: 0, nesterov: false };
      fused().sgd([a], [tf.tensor1d([1, 1])], momenta, settings);
      expect([...a.dataSync()]).toEqual([0, 1]);
      expect([...b.dataSync()]).toEqual([1, 2]);
    });
  });
}

import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { fused } from '../../../src/engine/fused/registry.js';
import { selectEngine } from '../../../src/engine/select.js';
import { testEngines } from '../../support/engine.js';

for (const engine of testEngines) {
  describe(`binary cross-entropy on ${engine}`, () => {
    beforeAll(() => selectEngine(engine, { fullPrecision: true }));

    const of = (
      logits: readonly number[],
      targets: readonly number[],
    ): { loss: number; gradient: number[] } =>
      tf.tidy(() => {
        const [x, t] = [tf.tensor1d([...logits]), tf.tensor1d([...targets])];
        const { value, grad } = tf.valueAndGrad((v) => fused().binaryCrossEntropy(v, t))(x);
        return { loss: value.dataSync()[0]!, gradient: [...grad.dataSync()] };
      });

    // Vectors have 4, 8 or 16 lanes, and are summed 64 at a time.
    it.each([1, 3, 4, 7, 8, 15, 16, 17, 31, 1023, 1024, 1025, 9000])(
      'is exact for %d logits from -120 to 120',
      (count) => {
        const logits = Array.from({ length: count }, (_, i) => Math.fround(120 * Math.sin(7 * i + 1) ** 3));
        const targets = Array.from({ length: count }, (_, i) => Math.fround((1 + Math.cos(i)) / 2));
        const { loss, gradient } = of(logits, targets);
        const mean = logits.reduce(
          (sum, x, i) => sum + Math.max(x, 0) - x * targets[i]! + Math.log1p(Math.exp(-Math.abs(x))),
          0,
        );
        expect(Math.abs(loss * count - mean)).toBeLessThan(5e-6 * mean + 1e-7 * count);
        const off = gradient.map((g, i) =>
          Math.abs(g * count - (1 / (1 + Math.exp(-logits[i]!)) - targets[i]!)),
        );
        expect(Math.max(...off)).toBeLessThan(5e-7);
      },
    );

    // TensorFlow.js's log1p has no more digits than log(1 + x) for small x.
    it.runIf(engine.startsWith('torch'))('tells small losses from none', () => {
      expect(of([-20], [0]).loss / Math.log1p(Math.exp(-20))).toBeCloseTo(1, 5);
      expect(of([-20], [0]).gradient[0]! / (1 / (1 + Math.exp(20)))).toBeCloseTo(1, 5);
    });

    it('lets NaN and no other logit become NaN', () => {
      const { loss, gradient } = of([1, NaN, -300, 300], [0, 0, 0, 1]);
      expect(loss).toBeNaN();
      expect(gradient.map(Number.isNaN)).toEqual([false, true, false, false]);
      expect(of([-300, 300], [0, 1]).loss).toBeLessThan(1e-30);
    });
  });
}

import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { fused } from '../../src/engine/fused/registry.js';
import { withPrecision } from '../../src/engine/precision.js';
import type { TorchBackend } from '../../src/engine/torch/backend.js';
import { randomStream } from '../../src/core/random.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { allCases } from './fused/cases/all.js';
import type { Drawn } from './fused/op-case.js';
import { numericGradient } from './fused/reference.js';

const inBf16 = <T>(f: () => T): T => withPrecision('bf16', f);
const isShort = (x: tf.Tensor): boolean => (tf.backend() as TorchBackend).isShort(x);

/** The distance of two lists of numbers, of the length of the second. */
function apart(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let distance = 0;
  let length = 0;
  for (let i = 0; i < expected.length; i++) {
    distance += (found[i]! - expected[i]!) ** 2;
    length += expected[i]! ** 2;
  }
  return Math.sqrt(distance / Math.max(length, 1e-30));
}

/** A number's nearest bfloat16, ties to even. */
function rounded(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}

/** Rounding to 8 bits is off by 2⁻⁹ at most, on average by 0.0017 of what is rounded. */
const rounding = 0.0017;

describe.skipIf(!hasTorch)('feature maps in bfloat16', () => {
  beforeAll(() => startEngine(torchEngine));

  it('are float32 to TensorFlow.js: rounded to nearest, ties to even', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -(2 ** -133), Infinity, NaN, 3.4e38]);
      const map = inBf16(() => fused().asMap(x));
      expect([map.dtype, isShort(map), isShort(x)]).toEqual(['float32', true, false]);
      // The last lies beyond the middle of the greatest and what would follow.
      expect([...map.dataSync()]).toEqual([1, 1, 1 + 2 ** -6, -(2 ** -133), Infinity, NaN, Infinity]);
      expect(fused().asMap(x)).toBe(x);
    });
  });

  it.each(allCases)('$name: values and all gradients are near those of float64', (test) => {
    const { inputs, running = [], op, reference, flat = [] } = test;
    // No ReLU's input may lie within rounding of 0, where gradients jump: hence a seed that was tried.
    const random = randomStream(7, 'bf16', test.name);
    const draw = (size: number, value = (drawn: number) => drawn): Float64Array =>
      // So that what is compared is what the op rounds, and not what it is given.
      Float64Array.from({ length: size }, () => rounded(value(random.normal())));
    const tensor = (values: Float64Array, shape: readonly number[]): tf.Tensor =>
      tf.tensor(Float32Array.from(values), [...shape]);
    const isMap = ({ name, shape }: Drawn): boolean => shape.length > 2 && name !== 'filter';
    tf.tidy(() => {
      const given = inputs.map(({ shape, value }) => draw(tf.util.sizeFromShape([...shape]), value));
      const statistics = running.map(({ shape, value }) => draw(tf.util.sizeFromShape([...shape]), value));
      const expected = reference(given, statistics);
      const weights = draw(expected.length);
      inBf16(() => {
        const xs = inputs.map((input, i) => {
          const x = tensor(given[i]!, input.shape);
          return isMap(input) ? fused().asMap(x) : x;
        });
        const moving = statistics.map((values, i) => tf.variable(tensor(values, running[i]!.shape)));
        const first = op(xs, moving);
        moving.forEach((variable, i) => variable.assign(tensor(statistics[i]!, running[i]!.shape)));
        const dy = tensor(weights, first.shape);
        const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => op(given, moving))(xs, dy);
        expect([test.name, isShort(value)]).toEqual([test.name, first.rank > 2]);
        const off: Record<string, number> = { value: apart(value.dataSync(), expected) };
        inputs.forEach((input, i) => {
          if (flat.includes(input.name)) return;
          if (!isMap(input)) expect([input.name, isShort(grads[i]!)]).toEqual([input.name, false]);
          const lossAt = (at: Float64Array): number =>
            reference(given.with(i, at), statistics).reduce((sum, y, j) => sum + y * weights[j]!, 0);
          off[input.name] = apart(grads[i]!.dataSync(), numericGradient(lossAt, given[i]!));
        });
        tf.dispose(moving);
        expect(Math.max(...Object.values(off))).toBeLessThan(4 * rounding);
      });
    });
  });
});

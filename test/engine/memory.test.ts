import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { allocatorMeter, tensorBytesMeter } from '../../src/engine/memory.js';
import { registerTorchBackend } from '../../src/engine/torch/register.js';
import { loadNative } from '../../src/engine/torch/load-native.js';
import { hasTorch } from './compare.js';

describe('tensor bytes', () => {
  beforeAll(async () => {
    tf.enableProdMode();
    await tf.setBackend('cpu');
  });

  test('are exact, also for tensors that come and go in one scope without a kernel', () => {
    const meter = tensorBytesMeter();
    const before = meter.current();
    meter.reset();
    expect(meter.peak()).toBe(before);
    tf.tidy(() => {
      tf.tensor1d([1, 2, 3]);
      tf.tensor1d([1, 2], 'int32').dispose();
      tf.tensor1d([true]);
    });
    expect(meter.current()).toBe(before);
    expect(meter.peak() - before).toBe(12 + 8);
    expect(meter.reserved()).toBeGreaterThanOrEqual(meter.peak());
  });

  test('count what gradients keep', () => {
    const meter = tensorBytesMeter();
    const x = tf.ones<tf.Rank.R1>([1000]);
    meter.reset();
    const dx = tf.grad((v: tf.Tensor) => tf.sum(tf.square(tf.exp(v))))(x);
    // x and dx, and exp(x) and its square between.
    expect(meter.peak()).toBeGreaterThanOrEqual(4 * 4000);
    tf.dispose([x, dx]);
    meter.reset();
    expect(meter.peak()).toBe(meter.current());
  });

  test('are the same from two meters, and after the engine was reset', () => {
    const [one, other] = [tensorBytesMeter(), tensorBytesMeter()];
    tf.tidy(() => void tf.zeros([5000]));
    expect(one.peak()).toBe(other.peak());
    tf.engine().reset();
    tf.enableProdMode();
    expect(one.current()).toBe(0);
    const x = tf.zeros([10]);
    expect([one.current(), one.peak(), tf.memory().numBytes]).toEqual([40, 40, 40]);
    x.dispose();
  });
});

describe.runIf(process.platform === 'linux')("what tensor bytes leave out is in the process's peak", () => {
  const size = 64e6;
  /** Touches memory that no tensor has. */
  const use = (): number => new Uint8Array(size).fill(1)[size - 1]!;

  test('which is reserved, and begins anew with a release', () => {
    const meter = tensorBytesMeter();
    meter.release();
    const before = meter.reserved();
    expect(before).toBeGreaterThan(20e6);
    expect(use()).toBe(1);
    const after = meter.reserved();
    expect(after - before).toBeGreaterThan(size / 2);
    // A reset of the peak of tensors, once an update, leaves it.
    meter.reset();
    expect(meter.reserved()).toBeGreaterThanOrEqual(after);
  });
});

describe.skipIf(!hasTorch)("the allocator's bytes", () => {
  test('rise with tensors and temporaries, and fall with them', async () => {
    const native = loadNative();
    registerTorchBackend('cpu');
    await tf.setBackend('torch');
    const meter = allocatorMeter(native, 'cpu');
    expect(meter.name).toBe('cpu-allocator');
    const before = meter.current();
    meter.reset();
    const x = tf.zeros([512, 512]);
    expect(meter.current() - before).toBeGreaterThanOrEqual(4 * 512 * 512);
    // Inside, the division is in double precision.
    tf.floorDiv(x, tf.scalar(1)).dispose();
    expect(meter.peak() - before).toBeGreaterThanOrEqual((4 + 8) * 512 * 512);
    expect(meter.reserved()).toBeGreaterThanOrEqual(meter.peak());
    x.dispose();
    meter.reset();
    expect(meter.peak()).toBe(meter.current());
  });
});

import { beforeAll, describe, expect, test } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../src/errors.js';
import { noiseBatch } from '../../src/local/noise-batch.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { tinyClasses, tinyRun, tinyShape } from '../support/tiny.js';

describe.skipIf(!hasTorch)('memory that does not suffice', () => {
  beforeAll(async () => {
    await startEngine('torch');
  });

  test('ends the step with the update and the bytes asked for, and leaves nothing behind', () => {
    const before = tf.memory().numTensors;
    const run = tinyRun({ method: 'auglocal', depth: 2 });
    const held = tf.memory().numTensors;
    const { updates } = run.strategy;
    const third = updates[2]!;
    // The outer product has 2^46 numbers: no machine has memory for them.
    const huge = () => tf.sum(tf.matMul(tf.ones([2 ** 23, 1]), tf.ones([1, 2 ** 23])));
    Object.assign(third, { forward: () => ({ loss: huge(), streams: {} }) });
    const batch = noiseBatch({ imageShape: tinyShape, classes: tinyClasses }, 4, 1);
    let error: unknown;
    tf.tidy(() => {
      try {
        run.step(batch());
      } catch (caught) {
        error = caught;
      }
    });
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(
      new RegExp(
        `^update '${third.name}': aten::\\S+: out of memory: 281474976710656 bytes asked for, \\d+ available, \\d+ in use by tensors; lower train\\.batchSize, or use more blocks`,
      ),
    );
    // The optimiser has momenta of the updates that came before.
    const momenta = updates.slice(0, 2).flatMap((update) => update.variables).length;
    expect(tf.memory().numTensors).toBe(held + momenta);
    run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

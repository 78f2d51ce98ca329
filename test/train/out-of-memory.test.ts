import { beforeAll, describe, expect, test } from 'vitest';
import tf = require('@tensorflow/tfjs');
import type { Dataset } from '../../src/data/dataset.js';
import type { ImageBatch } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { UserError } from '../../src/core/errors.js';
import { noiseBatch } from '../../src/local/noise-batch.js';
import { evaluate } from '../../src/train/evaluate.js';
import { train } from '../../src/train/trainer.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { tinyClasses, tinyRun, tinyShape } from '../support/tiny.js';

/** The outer product has 2^46 numbers: no machine has memory for them. */
const huge = (): tf.Scalar => tf.sum(tf.matMul(tf.ones([2 ** 23, 1]), tf.ones([1, 2 ** 23])));

describe.skipIf(!hasTorch)('memory that does not suffice', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine('torch');
  });

  test('ends the step with the update and the bytes asked for, and leaves nothing behind', () => {
    const before = tf.memory().numTensors;
    const run = tinyRun({ method: 'auglocal', depth: 2 });
    const held = tf.memory().numTensors;
    const { updates } = run.strategy;
    const third = updates[2]!;
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

  test('names an evaluation, which leaves nothing behind', async () => {
    const run = tinyRun({ method: 'bp' });
    const before = tf.memory().numTensors;
    const { network } = run.strategy;
    const large = { ...network, head: { ...network.head, forward: huge } };
    const images = new Uint8Array(tinyShape.reduce((size, each) => size * each, 1));
    const batches = (async function* () {
      yield await Promise.resolve({ images, labels: Uint16Array.of(0), size: 1 } as ImageBatch);
    })();
    const dataset = { imageShape: tinyShape, mean: [0, 0, 0], std: [1, 1, 1] } as unknown as Dataset;
    await expect(evaluate(large, dataset, batches)).rejects.toThrow(
      /^evaluation: aten::\S+: out of memory: \d+ bytes asked for, .*; lower train\.batchSize, or free memory/,
    );
    expect(tf.memory().numTensors).toBe(before);
    run.dispose();
  });

  test.each([
    { method: 'auglocal', depth: 2 },
    { method: 'hpff', blocks: 3 },
    { method: 'infopro', blocks: 3 },
  ] as const)(
    '$method: leaves nothing of a step that ran out in an update, forward or backward',
    (options) => {
      const refused = tf.customGrad((x) => {
        const value = tf.sum(x as tf.Tensor) as tf.Scalar;
        return { value, gradFunc: () => tf.fill((x as tf.Tensor).shape, 0).add(huge()) };
      });
      const before = [tf.memory().numTensors, engine.memory.current()];
      const count = tinyRun(options);
      const { length } = count.strategy.updates;
      count.dispose();
      for (let at = 0; at < length; at++) {
        for (const pass of ['forward', 'backward']) {
          const run = tinyRun(options);
          const update = run.strategy.updates[at]!;
          const forward = update.forward.bind(update);
          const failing: typeof forward = (streams, batch) => {
            const { loss, streams: next } = forward(streams, batch);
            if (pass === 'backward') return { loss: refused(loss) as tf.Scalar, streams: next };
            // Not handed on: nobody else frees them.
            for (const stream of Object.values(next)) stream.dispose();
            return { loss: huge(), streams: {} };
          };
          Object.assign(update, { forward: failing });
          const batch = noiseBatch({ imageShape: tinyShape, classes: tinyClasses }, 4, 1);
          expect(() => tf.tidy(() => void run.step(batch()))).toThrow(
            /^update '.*: out of memory: \d+ bytes/,
          );
          run.dispose();
          expect([tf.memory().numTensors, engine.memory.current()], `${update.name}, ${pass}`).toEqual(
            before,
          );
        }
      }
    },
  );

  test('ends a run with the epoch and the step too', async () => {
    const run = tinyRun({ method: 'auglocal', depth: 2 });
    const second = run.strategy.updates[1]!;
    const forward = second.forward.bind(second);
    const calls: number[] = [];
    // Four steps an epoch: the sixth is the second epoch's second.
    const forwardOnce: typeof forward = (...args) =>
      calls.push(calls.length) < 6 ? forward(...args) : { loss: huge(), streams: {} };
    Object.assign(second, { forward: forwardOnce });
    const images = {
      kind: 'memory',
      size: 16,
      labels: Uint16Array.from({ length: 16 }, (_, i) => i % tinyClasses),
      images: Uint8Array.from({ length: 16 * 192 }, (_, i) => i % 251),
    } as const;
    const dataset: Dataset = {
      name: 'numbers',
      classes: ['a', 'b', 'c', 'd'],
      imageShape: tinyShape,
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
      train: images,
      test: images,
      augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
    };
    const training = train(run.strategy, dataset, {
      ...{ epochs: 2, batchSize: 4, learningRate: 0.01, schedule: 'constant', workers: 0 },
      ...{ seed: 1, engine },
    });
    await expect(training).rejects.toThrow(UserError);
    await expect(training).rejects.toThrow(
      new RegExp(
        `^epoch 2, step 2: update '${second.name}': aten::\\S+: out of memory: 281474976710656 bytes asked for`,
      ),
    );
    run.dispose();
  });
});

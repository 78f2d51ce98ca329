import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import { scoped } from '../../src/engine/scoped.js';
import { similarityLoss } from '../../src/local/axes/loss/similarity.js';
import { createBatch, type Batch } from '../../src/local/batch.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { startEngine } from '../support/engine.js';
import { tinyClasses, tinyRun, tinyShape } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const labels = Uint8Array.from({ length: 8 }, (_, i) => i % 3);
const images = Uint8Array.from({ length: 8 * 192 }, (_, i) => (i * 7919) % 251);

function batch(smoothing: number): Batch {
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return createBatch(images, labels, tinyShape, tinyClasses, normalization, undefined, smoothing);
}

/** The losses of a first step by update. */
function losses(options: StrategyOptionsInput, smoothing: number): Map<string, number> {
  const run = tinyRun(options);
  const found = scoped(() => run.step(batch(smoothing)).losses);
  const names = run.strategy.updates.map(({ name }) => name);
  run.dispose();
  return new Map(names.map((name, i) => [name, found[i]!]));
}

it.each<StrategyOptionsInput>([
  { method: 'bp' },
  { method: 'dgl' },
  { method: 'auglocal', depth: 2 },
  { method: 'infopro' },
])('$method: the head’s loss and every auxiliary cross-entropy are of smoothed labels', (options) => {
  const [plain, smoothed] = [losses(options, 0), losses(options, 0.3)];
  for (const [name, loss] of plain) expect(Math.abs(smoothed.get(name)! - loss), name).toBeGreaterThan(1e-4);
});

it('a contrast is of the classes as they are', () => {
  const options = { method: 'infopro', blocks: 3, loss: 'contrast' } as const;
  const [plain, smoothed] = [losses(options, 0), losses(options, 0.3)];
  expect(plain.size).toBe(3);
  for (const [name, loss] of plain) {
    if (name === 'head') expect(smoothed.get(name)).not.toBe(loss);
    else expect(smoothed.get(name), name).toBe(loss);
  }
});

it('similarity of samples is the same with smoothed labels', () => {
  tf.tidy(() => {
    const features = tf.randomNormal<tf.Rank.R4>([8, 3, 3, 4], 0, 1, 'float32', 1);
    const [plain, smoothed] = [0, 0.3].map(
      (smoothing) => similarityLoss(features, batch(smoothing).labels).dataSync()[0]!,
    );
    expect(smoothed).toBeCloseTo(plain!, 6);
  });
});

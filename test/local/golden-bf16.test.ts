import tf = require('@tensorflow/tfjs');
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { withPrecision } from '../../src/engine/precision.js';
import { readGoldenFile } from '../../src/parity/golden-file.js';
import { rebuildRun } from '../../src/parity/rebuild.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';

/** By sharp file how far PyTorch's autocast is from double precision: experiments/parity/autocast.py. */
const autocast = JSON.parse(readFileSync('test/fixtures/autocast.json', 'utf8')) as Readonly<
  Record<string, { readonly loss: number; readonly logits: number }>
>;

function apart(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): number {
  const pairs = expected.flatMap((row, i) => row.map((value, j) => [found[i]![j]!, value] as const));
  const length = (values: readonly number[]): number => Math.hypot(...values);
  return length(pairs.map(([a, b]) => a - b)) / length(pairs.map(([, b]) => b));
}

describe.skipIf(!hasTorch)('in bfloat16', () => {
  beforeAll(() => startEngine(torchEngine));

  test.each(sampleOf(Object.entries(autocast), 4))(
    'the sharp run %s is as near to float64 as autocast',
    (name, theirs) => {
      const golden = readGoldenFile(`test/fixtures/golden/${name}`);
      const precise = golden.float64!;
      const tensors = tf.memory().numTensors;
      const { losses, logits } = withPrecision('bf16', () => rebuildRun(golden));
      const ours = { loss: apart(losses, precise.loss_trace), logits: apart(logits, precise.eval_logits) };
      expect(ours.loss).toBeLessThan(1.5 * theirs.loss);
      expect(ours.logits).toBeLessThan(1.5 * theirs.logits);
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );
});

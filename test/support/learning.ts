import tf = require('@tensorflow/tfjs');
import { expect } from 'vitest';
import { mean } from './numeric.js';
import { tinyBatch, type TinyRun } from './tiny.js';

/** Mean loss of each update over the first and the last two steps on the same two batches. */
function learn(run: TinyRun, steps: number): { first: number[]; last: number[] } {
  const traces: (readonly number[])[] = [];
  for (let step = 0; step < steps; step++) {
    tf.tidy(() => {
      traces.push(run.step(tinyBatch(8, `batch ${step % 2}`), 0.02).losses);
    });
  }
  const over = (some: (readonly number[])[]): number[] =>
    some[0]!.map((_, update) => mean(some.map((losses) => losses[update]!)));
  return { first: over(traces.slice(0, 2)), last: over(traces.slice(-2)) };
}

/** The loss of every update falls. */
export function expectLearning(run: TinyRun, steps = 30): void {
  const { first, last } = learn(run, steps);
  last.forEach((loss, update) => {
    expect(loss, run.strategy.updates[update]!.name).toBeLessThan(first[update]!);
  });
}

import type { TrainState } from '../../../src/train/state.js';
import { newTally } from '../../../src/train/tally.js';
import { epochMetrics } from '../helpers.js';

export const updates = ['block 1', 'head'];

/** A small state after so many epochs of the given accuracies, and so many batches of the next. */
export function trainState(accuracies: readonly number[], batches = 0): TrainState {
  const epochs = accuracies.map((evaluationAccuracy, i) =>
    epochMetrics(i + 1, {
      evaluationAccuracy,
      evaluationLoss: i === 0 ? Number.NaN : 0.1 + 0.2,
      updateLosses: { 'block 1': 1 / 3, head: 2 },
      updatePeakBytes: { 'block 1': 10, head: 20 },
    }),
  );
  const partial = {
    ...newTally(epochs.length + 1, 2),
    batches,
    steps: batches,
    imageLosses: [0.1 + 0.2, 1e-300],
  };
  return {
    epochs,
    tensors: new Map([
      ['network/conv1.weight', { shape: [2, 2], values: Float32Array.of(1, -0, 1e-42, 1 / 3) }],
      ['momentum/network/conv1.weight', { shape: [2, 2], values: Float32Array.of(4, 3, 2, 1) }],
    ]),
    counters: { 'network/bn1.num_batches_tracked': epochs.length },
    ...(batches === 0 ? {} : { partial }),
  };
}

import type { EpochMetrics } from '../../src/train/events.js';
import type { RunResult } from '../../src/runs/summary.js';

/** Plausible metrics of an epoch. */
export function epochMetrics(epoch: number, changes: Partial<EpochMetrics> = {}): EpochMetrics {
  return {
    epoch,
    learningRate: 0.1,
    trainLoss: 1.5,
    evaluationLoss: 1.25,
    evaluationAccuracy: 0.5,
    imagesPerSecond: 100,
    trainSeconds: 10,
    evaluationSeconds: 2,
    dataWaitSeconds: 0.5,
    skippedImages: 0,
    peakMemoryBytes: 4e8,
    reservedMemoryBytes: 5e8,
    updateLosses: {},
    updatePeakBytes: {},
    updateAccuracies: {},
    ...changes,
  };
}

/** A plausible result. */
export function runResult(changes: Partial<RunResult> = {}): RunResult {
  return {
    method: 'bp',
    label: 'bp',
    blocks: 1,
    seed: 1,
    engine: 'torch',
    memoryMeter: 'cpu-allocator',
    accuracy: 0.8125,
    peakMemoryBytes: 4e8,
    reservedMemoryBytes: 5e8,
    imagesPerSecond: 187.4,
    seconds: 75,
    epochs: 2,
    skippedImages: 0,
    ...changes,
  };
}

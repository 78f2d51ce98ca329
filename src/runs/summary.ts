import { z } from 'zod';
import { engineNames } from '../engine/engine.js';
import { stepCostSchema, type StepCost } from '../local/step-cost.js';
import type { EpochMetrics } from '../train/events.js';
import { rankUseSchema } from '../train/rank-use.js';
import { fileJsonSchema, type JsonSchema } from '../config/json-schema.js';
import type { MethodConfig } from '../config/method-config.js';
import { bestOf } from './best-epoch.js';
import { classRecordSchema } from './by-class.js';
import { readJson } from '../core/json-file.js';

/** A bad image file that a run left out. */
const badFileSchema = z.strictObject({ path: z.string(), reason: z.string() });

export type BadFile = z.infer<typeof badFileSchema>;

const identityShape = {
  method: z.string(),
  /** The name that tables show. */
  label: z.string(),
  blocks: z.int().min(1),
  /** What its backward passes made again; absent where nothing. */
  recompute: z.string().exactOptional(),
  /** Micro-batches of its own that its batches were cut into; absent where it had what `train.accumulate` says. */
  accumulate: z.int().min(1).exactOptional(),
  /** Of the network, beside it in training, and once it is trained; absent in summaries of earlier versions. */
  parameters: z
    .object({ network: z.int().min(0), auxiliary: z.int().min(0), inference: z.int().min(0) })
    .exactOptional(),
  /** Images a step; absent in summaries of earlier versions. */
  batchSize: z.int().min(1).exactOptional(),
  /** What computed: library, version, device, threads; absent in summaries of earlier versions. */
  engineDescription: z.string().exactOptional(),
  /** What feature maps were held in, where it is not float32. */
  precision: z.literal('bf16').exactOptional(),
  seed: z.int(),
  engine: z.enum(engineNames),
  memoryMeter: z.enum(['cuda-allocator', 'cpu-allocator', 'tensor-bytes']),
  /** What `accuracy` was measured on; where an earlier version left it out, the test split. */
  evaluatedOn: z.enum(['test', 'validation']).exactOptional(),
  /** What was evaluated and written, where it is not the weights as they were trained: averages of them (`train.ema`). */
  weights: z.literal('averaged').exactOptional(),
  /** Where terms of the loss counted nothing, or less; absent where all counted. */
  weightNotes: z.array(z.string()).exactOptional(),
  /** Why there are other blocks than were asked for, where there are. */
  blocksNote: z.string().exactOptional(),
};

const measuredShape = {
  /** On the split evaluated on, after the last epoch, 0…1. */
  accuracy: z.number().min(0).max(1),
  /**
   * On the same split after the epoch in which it was best, which is what the published scripts print: chosen by
   * looking at that split. Absent in summaries of earlier versions, as is `bestEpoch`.
   */
  bestAccuracy: z.number().min(0).max(1).exactOptional(),
  /** That epoch, from 1; the first of equals. */
  bestEpoch: z.int().min(1).exactOptional(),
  /**
   * After the last epoch, the share of the images whose class is among the five likeliest, 0…1; of data sets of 100
   * classes and more. Absent in summaries of earlier versions, as is `bestTop5`.
   */
  top5: z.number().min(0).max(1).exactOptional(),
  /** The same after the epoch of the best accuracy. */
  bestTop5: z.number().min(0).max(1).exactOptional(),
  /** Of plugins' metrics, by their names, after the last epoch; absent where there are none. */
  metrics: z.record(z.string(), z.number()).exactOptional(),
  /** The same after the epoch of the best accuracy. */
  bestMetrics: z.record(z.string(), z.number()).exactOptional(),
  /** The most that the meter saw during training steps; evaluation does not count. */
  peakMemoryBytes: z.number().min(0),
  reservedMemoryBytes: z.number().min(0),
  /** All training images over all training seconds. */
  imagesPerSecond: z.number().min(0),
  /** Training and evaluation. */
  seconds: z.number().min(0),
  /** The mean of the epochs; absent in summaries of earlier versions. */
  secondsPerEpoch: z.number().min(0).exactOptional(),
  /** Finished epochs. */
  epochs: z.int().min(1),
  /** Images that were left out, for their files could not be decoded or they were alone in their batch: the most in an epoch. */
  skippedImages: z.int().min(0),
  /** All the files that could not be decoded, each once; absent where no image was left out. */
  badFiles: z.array(badFileSchema).exactOptional(),
};

export const runIdentitySchema = z.object(identityShape);
const measuredSchema = z.object(measuredShape);
const countedShape = {
  /** As `countMultiplyAdds` counts; absent in summaries of earlier versions. */
  multiplyAdds: stepCostSchema.exactOptional(),
};
/** The ranks of a run that several trained, as the last process found them: a resumed run may have had others before. */
const ranksSchema = z.object({
  /** Each has a share of every batch, or a run of blocks. */
  parallel: z.enum(['data', 'blocks']),
  /** What features travelled as, where they were rounded for it. */
  transport: z.literal('bf16').exactOptional(),
  /** Training steps of the processes that this is of: the run's, since it was last resumed. */
  steps: z.int().min(0),
  perRank: z.array(rankUseSchema).min(1),
});
const ranksShape = {
  /** Absent where one process trained, and in summaries of earlier versions. */
  ranks: ranksSchema.exactOptional(),
};
const resultSchema = z.object({ ...identityShape, ...measuredShape, ...countedShape, ...ranksShape });
const summarySchema = z.object({
  status: z.enum(['finished', 'interrupted', 'failed']),
  /** Why it failed. */
  error: z.string().exactOptional(),
  /** The same in a few words, for tables; absent where a run failed for want of room to write. */
  failure: z.string().exactOptional(),
  ...identityShape,
  ...measuredSchema.partial().shape,
  ...countedShape,
  ...ranksShape,
  /**
   * After the last epoch, what the images of each class were taken for. Absent in summaries of earlier versions; a
   * comparison's summary does not repeat it.
   */
  byClass: classRecordSchema.exactOptional(),
});
const comparedRunSchema = resultSchema.extend({
  /** The run's own, relative to the comparison's. */
  folder: z.string().exactOptional(),
});
const comparisonSchema = z.object({ runs: z.array(comparedRunSchema) });

/** The JSON Schema of a run's `summary.json`: `schemas/summary.json`. */
export const summaryFileSchema = (): JsonSchema =>
  fileJsonSchema(summarySchema, 'summary.json of a run of locallearn');

/** What was trained, with what. */
export type RunIdentity = z.infer<typeof runIdentitySchema>;
/** The ranks that trained a run together. */
export type RunRanks = z.infer<typeof ranksSchema>;
/** What at least one epoch came to. */
export type Measured = z.infer<typeof measuredSchema>;
/** What a run of at least one epoch came to. */
export type RunResult = z.infer<typeof resultSchema>;
/** An entry of `runs` in a comparison's `summary.json`, one for each method and seed. */
export type ComparedRun = z.infer<typeof comparedRunSchema>;
/** A run folder's `summary.json`: a result, unless no epoch was finished, and how the run ended. */
export type RunSummary = z.infer<typeof summarySchema>;

/** What an accuracy is of, in words: `test`, `validation (averaged weights)`. */
export function evaluatedInWords({
  evaluatedOn = 'test',
  weights,
}: Pick<RunIdentity, 'evaluatedOn' | 'weights'>): string {
  return weights === undefined ? evaluatedOn : `${evaluatedOn} (${weights} weights)`;
}

/** The result after the finished epochs; undefined if there are none. */
export function resultOf(
  run: RunIdentity,
  epochs: readonly EpochMetrics[],
  badFiles?: readonly BadFile[],
  multiplyAdds?: StepCost,
): RunResult | undefined {
  const measured = measuredOf(epochs);
  if (measured === undefined) return undefined;
  // Of images left out none may be bad: those that were alone in their batch.
  const named = badFiles !== undefined && (badFiles.length > 0 || measured.skippedImages > 0);
  return {
    ...{ ...run, ...measured },
    ...(multiplyAdds && { multiplyAdds }),
    ...(named && { badFiles: [...badFiles] }),
  };
}

/** What the finished epochs came to; undefined if there are none. */
export function measuredOf(epochs: readonly EpochMetrics[]): Measured | undefined {
  const last = epochs.at(-1);
  const best = bestOf(epochs);
  if (!last || !best) return undefined;
  const sum = (value: (epoch: EpochMetrics) => number): number =>
    epochs.reduce((total, epoch) => total + value(epoch), 0);
  const trainSeconds = sum((epoch) => epoch.trainSeconds);
  const seconds = trainSeconds + sum((epoch) => epoch.evaluationSeconds);
  return {
    accuracy: last.evaluationAccuracy,
    bestAccuracy: best.evaluationAccuracy,
    bestEpoch: best.epoch,
    ...(last.evaluationTop5 !== undefined && { top5: last.evaluationTop5 }),
    ...(best.evaluationTop5 !== undefined && { bestTop5: best.evaluationTop5 }),
    ...(last.metrics !== undefined && { metrics: last.metrics }),
    ...(best.metrics !== undefined && { bestMetrics: best.metrics }),
    peakMemoryBytes: Math.max(...epochs.map((epoch) => epoch.peakMemoryBytes)),
    reservedMemoryBytes: Math.max(...epochs.map((epoch) => epoch.reservedMemoryBytes)),
    imagesPerSecond: sum((epoch) => epoch.imagesPerSecond * epoch.trainSeconds) / trainSeconds,
    seconds,
    secondsPerEpoch: seconds / epochs.length,
    epochs: epochs.length,
    skippedImages: Math.max(...epochs.map((epoch) => epoch.skippedImages)),
  };
}

/** The result of a run that was trained to its end; undefined for any other. */
export function finishedResultOf(summary: RunSummary): RunResult | undefined {
  return summary.status === 'finished' ? resultSchema.safeParse(summary).data : undefined;
}

/**
 * Reads a run folder's `summary.json`.
 *
 * @throws UserError if it can't be read or is not one
 */
export function readRunSummary(path: string): RunSummary {
  return readJson(path, summarySchema, 'the summary');
}

/**
 * Reads a comparison's `summary.json`.
 *
 * @throws UserError if it can't be read or is not one
 */
export function readComparison(path: string): ComparedRun[] {
  return readJson(path, comparisonSchema, 'the summary').runs;
}

/** What its backward passes make again, and micro-batches of its own, as a run's identity has them. */
export function ownWays({
  recompute = 'none',
  accumulate = 1,
}: MethodConfig): Pick<RunIdentity, 'recompute' | 'accumulate'> {
  return {
    ...(recompute === 'none' ? {} : { recompute }),
    ...(accumulate === 1 ? {} : { accumulate }),
  };
}

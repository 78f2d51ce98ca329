import type { BadImage } from '../data/dataset.js';
import type { ByClass } from './by-class.js';
import type { RankUse } from './rank-use.js';

/** What a training run reports while it goes on. Plain data: the command line, the log and a user's callback read it. */
export type TrainEvent =
  | {
      readonly type: 'epoch-start';
      readonly epoch: number;
      readonly epochs: number;
      readonly steps: number;
      readonly learningRate: number;
    }
  | {
      readonly type: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly images: number;
      readonly loss: number;
    }
  /** After each `logEvery` steps. */
  | { readonly type: 'step-metrics'; readonly metrics: StepMetrics }
  | { readonly type: 'evaluation'; readonly epoch: number; readonly step: number; readonly steps: number }
  /** Image files that could not be decoded or were alone in their batch, and were left out, each the first time in a run. */
  | {
      readonly type: 'skipped';
      readonly epoch: number;
      readonly split: 'train' | 'test' | 'validation';
      readonly images: readonly BadImage[];
    }
  /** Where ranks train together, after an epoch's training: what each has and takes, by rank; `steps` are this process's. */
  | { readonly type: 'ranks'; readonly steps: number; readonly ranks: readonly RankUse[] }
  | {
      readonly type: 'epoch-end';
      readonly metrics: EpochMetrics;
      /** What the metrics' evaluation is of. */
      readonly evaluatedOn: 'test' | 'validation';
      /** What it takes the images of each class for. */
      readonly byClass: ByClass;
    }
  /** Steps were to be captured, and run as they are, from here to the end. */
  | { readonly type: 'not-captured'; readonly reason: string }
  /** The run ends here, before its last epoch, as `earlyStopping` says. */
  | { readonly type: 'stalled'; readonly epoch: number };

/**
 * One row of `metrics.csv`. Epochs count from 1. What is evaluated is the data set's test split, or what it says that
 * it has in its place (`Dataset.evaluatedOn`).
 */
export interface EpochMetrics {
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean training loss over the images, as the published code has it, of the update with the network's head. */
  readonly trainLoss: number;
  /** Mean cross-entropy on the split evaluated on. */
  readonly evaluationLoss: number;
  /** On the split evaluated on, 0…1. */
  readonly evaluationAccuracy: number;
  /** Share of its images whose class is among the five likeliest, 0…1; of data sets of 100 classes and more alone. */
  readonly evaluationTop5?: number;
  /** Images a second of training, evaluation not counted. */
  readonly imagesPerSecond: number;
  readonly trainSeconds: number;
  readonly evaluationSeconds: number;
  /** Of the training seconds, those spent waiting for batches. */
  readonly dataWaitSeconds: number;
  /** Bad images, of training and of evaluation, that were left out, and those alone in their training batch. */
  readonly skippedImages: number;
  /** The allocator's peak over the epoch's training steps. */
  readonly peakMemoryBytes: number;
  /** The most that the allocator took from the system in those steps. */
  readonly reservedMemoryBytes: number;
  /** Mean training loss of each update over the images, by its name. */
  readonly updateLosses: Readonly<Record<string, number>>;
  /** Peak while each update ran, by its name. */
  readonly updatePeakBytes: Readonly<Record<string, number>>;
  /**
   * Accuracy on the split evaluated on of what each update has to classify with, 0…1, by its name: its auxiliary net, or the
   * network's head. Updates that classify nothing are not in it.
   */
  readonly updateAccuracies: Readonly<Record<string, number>>;
  /** On the split evaluated on, of metrics that a plugin or the caller adds, by their names. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** One row of `steps.csv`: what a single training step came to. */
export interface StepMetrics {
  /** From 1. */
  readonly epoch: number;
  /** Of the epoch, from 1. */
  readonly step: number;
  /** Of the run, from 1. */
  readonly runStep: number;
  readonly learningRate: number;
  /** Images a second of training since the row before, in this epoch and process. */
  readonly imagesPerSecond: number;
  /** Training loss of each update over this step's images, by its name. */
  readonly updateLosses: Readonly<Record<string, number>>;
}

/** What a training came to. */
export interface TrainResult {
  readonly epochs: readonly EpochMetrics[];
  /** Whether a signal ended the run before its last epoch; finished epochs are in `epochs`. */
  readonly interrupted: boolean;
}

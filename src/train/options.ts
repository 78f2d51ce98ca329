import { z } from 'zod';
import { precisions } from '../engine/precision.js';
import { clipOption } from './clip.js';
import { builtInSchedules, scheduleOption } from './schedules.js';
import { sgdOptions } from './sgd.js';

/** How a network is trained: the `train` section of a config. */
export const trainOptionsSchema = z.strictObject({
  epochs: z.int().min(1),
  batchSize: z.int().min(1),
  /**
   * Micro-batches that each batch is cut into, whose gradients are added up to those of the batch's mean loss: one step of
   * batchSize images, of which batchSize / accumulate are run at a time. Of a smaller batch, an epoch's last, no more are
   * run at a time either. Batch normalisation and losses that compare images see a micro-batch alone.
   */
  accumulate: z.int().min(1).exactOptional(),
  /**
   * Images that do not fill the last batch of an epoch: `keep` makes a short batch of them, as the published loaders do,
   * but leaves out one that is alone; `drop` leaves them out of that epoch.
   */
  lastBatch: z.enum(['keep', 'drop']).default('keep'),
  /** The peak of the schedule. */
  learningRate: z.number().positive(),
  momentum: sgdOptions.momentum,
  nesterov: sgdOptions.nesterov,
  weightDecay: sgdOptions.weightDecay,
  /**
   * How SGD keeps momenta, and AdamW averages of gradients: `bf16` in half of the memory, rounded after each step, which
   * is computed in float32. The engines torch and torch-cuda have it.
   */
  optimizerState: z.enum(['float32', 'bf16']).exactOptional(),
  /**
   * What feature maps are held and multiplied in while training: `bf16` takes half of their memory. Weights, statistics,
   * losses and the optimiser stay float32, and so does evaluation. The engines torch and torch-cuda have it.
   */
  precision: z.enum(precisions).exactOptional(),
  /**
   * Whether ranks that share every batch (`parallel: data`) normalise by the statistics of all of it, as one process does,
   * and not each by those of its share: sums over the ranks in each layer, that all of them wait for.
   */
  syncBatchNorm: z.boolean().exactOptional(),
  noDecay: sgdOptions.noDecay,
  /**
   * How the learning rate goes: by name (`cosine`, `cosine-imagenet`, `cosine-steps`, `step`, `constant`), or with options,
   * such as `{ name: steps, at: [30, 60] }`.
   */
  schedule: scheduleOption(builtInSchedules).default('cosine'),
  /** Epochs over which the learning rate rises to the schedule's. */
  warmupEpochs: z.int().min(0).default(0),
  /** Whether training images are varied at random, as the data set's papers do it or as `data.augmentation` says. */
  augment: z.boolean().default(true),
  /** Mixup (Zhang et al. 2018): α of the Beta(α, α) that images are mixed by; 0: not at all. */
  mixup: z.number().min(0).max(1000).default(0),
  /**
   * Label smoothing (Szegedy et al. 2016): ε of labels (1 − ε) · y + ε / classes, in the cross-entropy of the head and of
   * auxiliary nets. A contrast keeps to the classes; similarity of samples is the same with it.
   */
  labelSmoothing: z.number().min(0).max(1).exactOptional(),
  /** How gradients are kept small. */
  clip: clipOption.exactOptional(),
  /** Factors of the learning rate by updates' names: `{ 'block 1': 0.1, head: 0.5 }`; 1 for the others. */
  rateFactors: z.record(z.string(), z.number().min(0)).exactOptional(),
  /**
   * Evaluates with averages of the weights: after each step they become decay · average + (1 − decay) · weight, from the
   * initial weights on.
   */
  ema: z.strictObject({ decay: z.number().min(0).lt(1) }).exactOptional(),
  /**
   * Ends the run when the accuracy on the split evaluated on has not risen by more than `minDelta` (0…1) for `patience`
   * epochs. That is a choice made on this split: set `data.validation` for an honest test accuracy.
   */
  earlyStopping: z
    .strictObject({ patience: z.int().min(1), minDelta: z.number().min(0).lt(1).default(0) })
    .exactOptional(),
  /**
   * After each so many steps of the run, that step's losses and learning rate are told: a row of a run folder's
   * `steps.csv`. Default: never.
   */
  logEvery: z.int().min(1).exactOptional(),
  /**
   * Threads that prepare batches; 0: none but the main one. Image files are decoded by Node's four background threads
   * whatever their number, or by as many as the environment variable UV_THREADPOOL_SIZE says.
   */
  workers: z.int().min(0).max(64).default(1),
  /**
   * Whether a step, or the evaluation of a batch, is captured and made again without JavaScript where two have done the
   * same: the same bits, faster. For updates that do the same kernels with the same numbers in every step, which what is
   * built in does; not where a plugin's draws a coin. The engines torch and torch-cuda can. Default: of a run where no
   * plugin computes anything of a step; of `train` not.
   */
  captureSteps: z.boolean().exactOptional(),
  /** Checkpoints that a run folder keeps, the newest; beside them that of the best epoch. */
  keep: z.int().min(1).default(2),
});

/** Validated, defaults filled in. */
export type TrainSection = z.output<typeof trainOptionsSchema>;
/** As a person writes it. */
export type TrainSectionInput = z.input<typeof trainOptionsSchema>;

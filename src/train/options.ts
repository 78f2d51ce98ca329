import { z } from 'zod';
import { papersSgd } from './recipe.js';

/** How a network is trained: the `train` section of a config. */
export const trainOptionsSchema = z.strictObject({
  epochs: z.int().min(1),
  batchSize: z.int().min(1),
  /**
   * Images that do not fill the last batch of an epoch: `keep` makes a short batch of them, as the published loaders do,
   * but leaves out one that is alone; `drop` leaves them out of that epoch.
   */
  lastBatch: z.enum(['keep', 'drop']).default('keep'),
  /** The peak of the schedule. */
  learningRate: z.number().positive(),
  momentum: z.number().min(0).lt(1).default(papersSgd.momentum),
  nesterov: z.boolean().default(papersSgd.nesterov),
  weightDecay: z.number().min(0).default(papersSgd.weightDecay),
  /**
   * `cosine`: once an epoch, as the papers' CIFAR code does it, down to 0 in the last; `cosine-imagenet`: the same an
   * epoch later, as their ImageNet code does it; `cosine-steps`: the same curve at every step, for short runs; `step`:
   * a tenth after each third of the epochs, as torchvision's networks were trained; `constant`.
   */
  schedule: z.enum(['cosine', 'cosine-imagenet', 'cosine-steps', 'step', 'constant']).default('cosine'),
  /** Epochs over which the learning rate rises to the schedule's. */
  warmupEpochs: z.int().min(0).default(0),
  /** Whether training images are varied at random, as the data set's papers do it or as `data.augmentation` says. */
  augment: z.boolean().default(true),
  /** Mixup (Zhang et al. 2018): α of the Beta(α, α) that images are mixed by; 0: not at all. */
  mixup: z.number().min(0).max(1000).default(0),
  /**
   * Threads that prepare batches; 0: none but the main one. Image files are decoded by Node's four background threads
   * whatever their number, or by as many as the environment variable UV_THREADPOOL_SIZE says.
   */
  workers: z.int().min(0).max(64).default(1),
  /** Checkpoints that a run folder keeps, the newest; beside them that of the best epoch. */
  keep: z.int().min(1).default(2),
});

/** Validated, defaults filled in. */
export type TrainSection = z.output<typeof trainOptionsSchema>;
/** As a person writes it. */
export type TrainSectionInput = z.input<typeof trainOptionsSchema>;

import type { FileSplit } from '../dataset.js';
import type { DataIdentity } from '../identity.js';

/** What a data set of image files holds, by its paths alone. */
export interface FileImages {
  readonly classes: readonly string[];
  readonly train: FileSplit;
  /** Undefined where it was not asked for: a share of the training images is held out in its place. */
  readonly test: FileSplit | undefined;
  /** Whether the images to evaluate on are called a test or a validation split. */
  readonly evaluatedOn: 'test' | 'validation';
  /** What was taken in another way than it lies there, a line each. */
  readonly notes: readonly string[];
  readonly identity: DataIdentity;
}

/** The splits that images for evaluation are looked for in. */
export type EvaluationSplit = 'test' | 'val';

export function evaluatedOn(split: EvaluationSplit): FileImages['evaluatedOn'] {
  return split === 'test' ? 'test' : 'validation';
}

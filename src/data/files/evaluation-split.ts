import { UserError } from '../../core/errors.js';
import { shown } from '../../core/shown.js';
import type { EvaluationSplit } from './file-images.js';

/** What a data set has of its splits, and how messages speak of it. */
interface Offered {
  readonly path: string;
  readonly splits: readonly EvaluationSplit[];
  /** What each split consists of. */
  readonly parts: 'rows' | 'files';
  /** How to add one: "add test files". */
  readonly remedy: string;
}

/**
 * The split to evaluate on: the one that is asked for, or the only one.
 * @throws UserError where it is not there, there is none, or there are two and nothing says which
 */
export function chooseEvaluation(
  asked: EvaluationSplit | undefined,
  { path, splits, parts, remedy }: Offered,
): EvaluationSplit {
  if (asked !== undefined && !splits.includes(asked)) {
    throw new UserError(`${shown(path)}: no ${parts} of the split ${asked}, and data.evaluateOn asks for it`);
  }
  if (asked === undefined && splits.length === 2) {
    throw new UserError(
      `${shown(path)}: both test and val ${parts} are there: say with data.evaluateOn which to evaluate on`,
    );
  }
  const chosen = asked ?? splits[0];
  if (chosen !== undefined) return chosen;
  throw new UserError(
    `${shown(path)}: no images to evaluate on: ${remedy}, or hold out a share of the training images with data.validation`,
  );
}

import { UserError } from '../../core/errors.js';

/** The message says what is wrong with an image file, as a part of a sentence. */
export class BadImageError extends Error {
  override readonly name = 'BadImageError';
}

/** A bad image where the config has it that there be none. */
export class BadImageRefused extends UserError {
  /** What leaves such files out, as `--set` takes it. It changes no number of what was trained before. */
  static readonly remedy = 'data.onBadImage=skip';

  /** @param what the file and what is wrong with it */
  constructor(what: string) {
    super(`${what}: leave such files out with --set ${BadImageRefused.remedy}, or mend it and train anew`);
  }
}

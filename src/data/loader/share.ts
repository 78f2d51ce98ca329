/** One of several parts of every batch. */
export interface Share {
  /** From 0. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/** The whole of every batch. */
export const whole: Share = { index: 0, of: 1 };

/**
 * The images of a batch that are a share's, one after another: each image is in one share, and no share has more than
 * one image more than another.
 */
export function shareOf(
  count: number,
  { index, of }: Share,
): { readonly first: number; readonly size: number } {
  const first = Math.floor((count * index) / of);
  return { first, size: Math.floor((count * (index + 1)) / of) - first };
}

/** The most images that a batch's share has. */
export function largestShare(batchSize: number, { of }: Share): number {
  return Math.ceil(batchSize / of);
}

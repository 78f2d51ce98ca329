/** What of an epoch there is no batch for. */
export interface EpochDivision {
  readonly batchSize: number;
  /** Whether images that do not fill the last batch are left out; else that batch is short. */
  readonly dropLast: boolean;
  /** Whether a last batch of one image, where others have more, is left out. */
  readonly dropLone: boolean;
}

/** Divides so many images into batches. `last` is the size of the last one; 0 where there is none. */
export function divideEpoch(
  images: number,
  { batchSize, dropLast, dropLone }: EpochDivision,
): { readonly steps: number; readonly last: number; readonly leftOut: number } {
  const whole = Math.floor(images / batchSize);
  const left = images % batchSize;
  if (left > 0 && !dropLast && !(dropLone && left === 1)) return { steps: whole + 1, last: left, leftOut: 0 };
  return { steps: whole, last: whole > 0 ? batchSize : 0, leftOut: left };
}

import type { DatasetKind } from './kind.js';
import { builtInDatasets } from './kinds/built-in.js';
import type { DataOptions } from './options.js';
import { sourceOf } from './registry.js';

/** Whether the files of a data set are there, by their names and sizes alone; of folders and lists that they exist. */
export async function isPresent(
  options: DataOptions,
  kinds: readonly DatasetKind[] = builtInDatasets,
): Promise<boolean> {
  return (await sourceOf(options, kinds).isPresent?.()) ?? true;
}

/**
 * How many images are trained and evaluated on in an epoch, from the official numbers; undefined for data sets that
 * have none.
 */
export function imageCounts(
  options: DataOptions,
  kinds: readonly DatasetKind[] = builtInDatasets,
): { train: number; evaluated: number } | undefined {
  const counts = sourceOf(options, kinds).counts?.();
  if (counts === undefined) return undefined;
  const { train: all, test } = counts;
  const heldOut = options.validation === undefined ? undefined : Math.round(options.validation * all);
  return {
    train: options.trainImages ?? all - (heldOut ?? 0),
    evaluated: options.testImages ?? heldOut ?? test,
  };
}

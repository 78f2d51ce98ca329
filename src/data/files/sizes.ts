import { stat } from 'node:fs/promises';
import { pathAt, type PathList } from './path-list.js';

/** Looks at a time; the file system's own threads are fewer. */
const AT_ONCE = 32;
const BETWEEN_REPORTS = 10_000;

/**
 * The size of each file in bytes; 0 for one that cannot be looked at, of which the reader of its image will tell.
 * @param every how many files there are for each that is looked at, evenly spread; the others count 0
 */
export async function fileSizes(
  paths: PathList,
  every: number,
  progress?: (looked: number) => void,
): Promise<Float64Array> {
  const sizes = new Float64Array(paths.starts.length - 1);
  await inTurns(upTo(sizes.length, every), async (index) => {
    const found = await stat(pathAt(paths, index)).catch(() => undefined);
    sizes[index] = found?.size ?? 0;
    if ((index + 1) % BETWEEN_REPORTS === 0) progress?.(index + 1);
  });
  return sizes;
}

function* upTo(end: number, step: number): Generator<number, void> {
  for (let index = 0; index < end; index += step) yield index;
}

/** Takes the indices in their order, several at a time. */
export async function inTurns(
  indices: Generator<number, void>,
  look: (index: number) => Promise<void>,
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (const index of indices) await look(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

import { plural } from '../core/text.js';
import type { BadImage } from '../data/dataset.js';
import type { BadFile, RunResult } from './summary.js';

/** Names that a line has room for; summary.json and the report have them all. */
const shown = 5;

/**
 * Files that a run left out, each once, in the order in which it met them; not those that it left out for being alone
 * in a batch, which are fine in another.
 */
export function gatherBadFiles(known: readonly BadFile[] = []): {
  add(images: readonly (BadFile & Pick<BadImage, 'alone'>)[]): void;
  all(): BadFile[];
} {
  const byPath = new Map(known.map((file) => [file.path, file]));
  return {
    add: (images) =>
      images.forEach(({ path, reason, alone }) => {
        if (!alone) byPath.set(path, { path, reason });
      }),
    all: () => [...byPath.values()],
  };
}

/** How many image files a run left out. Summaries of earlier versions lack their names. */
export function badFilesOf({ badFiles, skippedImages }: RunResult): number {
  return badFiles?.length ?? skippedImages;
}

/** A line for each set of image files that runs left out, with their names; of which runs, where not all had the same. */
export function badFilesInWords(results: readonly RunResult[]): string[] {
  const bySet = new Map<string, RunResult[]>();
  for (const result of results) {
    const key = JSON.stringify([badFilesOf(result), result.badFiles?.map(({ path }) => path)]);
    bySet.set(key, [...(bySet.get(key) ?? []), result]);
  }
  return [...bySet.values()].flatMap((runs) => {
    const [first] = runs;
    const count = badFilesOf(first!);
    if (count === 0) return [];
    const who =
      runs.length === results.length
        ? ''
        : `${runs.map(({ label, seed }) => `${label}, seed ${seed}`).join('; ')}: `;
    return `${who}${plural(count, 'image file')} could not be decoded and ${count === 1 ? 'was' : 'were'} left out: ${names(first!)}`;
  });
}

function names({ badFiles }: RunResult): string {
  if (badFiles === undefined) return "the run's log.jsonl names them";
  const first = badFiles.slice(0, shown).map(({ path }) => path);
  const more = badFiles.length - first.length;
  return first.join(', ') + (more > 0 ? ` and ${more} more, all of them in summary.json` : '');
}

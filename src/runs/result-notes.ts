import { badFilesInWords } from './bad-images.js';
import type { RunResult } from './summary.js';

/**
 * What stands below a table of results, a line each: other blocks than were asked for, terms of losses that trained
 * nothing, images left out.
 */
export function resultNotes(results: readonly RunResult[]): string[] {
  const notes = results.flatMap(({ label, blocksNote, weightNotes = [] }) =>
    [...(blocksNote === undefined ? [] : [blocksNote]), ...weightNotes].map((note) => `${label}: ${note}`),
  );
  return [...new Set(notes), ...badFilesInWords(results)];
}

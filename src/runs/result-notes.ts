import { badFilesInWords } from './bad-images.js';
import type { RunResult } from './summary.js';

/** What stands below a table of results, a line each: terms of losses that trained nothing, images left out. */
export function resultNotes(results: readonly RunResult[]): string[] {
  const weights = results.flatMap(({ label, weightNotes = [] }) =>
    weightNotes.map((note) => `${label}: ${note}`),
  );
  return [...new Set(weights), ...badFilesInWords(results)];
}

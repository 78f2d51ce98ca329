import { markup, type Html } from './markup.js';
import type { RunRecord } from './run-record.js';

/** The blocks where terms of a run's loss counted nothing, or less than nothing. */
export function weightNotesList(runs: readonly RunRecord[]): Html | undefined {
  const all = runs.flatMap(({ label, log }) =>
    log.starts.flatMap(({ weightNotes = [] }) => weightNotes.map((note) => `${label}: ${note}`)),
  );
  const notes = [...new Set(all)];
  if (notes.length === 0) return undefined;
  return markup`<details open>
    <summary>Terms of the loss that trained nothing, or backwards</summary>
    <ul>
      ${notes.map((note) => markup`<li>${note}</li>`)}
    </ul>
  </details>`;
}

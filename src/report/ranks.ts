import { rankNote, rankTable } from '../runs/rank-table.js';
import { markup, type Html } from './markup.js';
import type { RunRecord } from './run-record.js';
import { table } from './table.js';

/** A table for each run that ranks trained together: where each is, what it has, what a step takes of it. */
export function ranksPart(runs: readonly RunRecord[]): readonly Html[] {
  return runs.flatMap(({ label, seed, ranks }) => {
    if (ranks === undefined) return [];
    const { header, rows } = rankTable(ranks);
    const words = new Set(['rank', 'host', 'blocks', 'share']);
    const columns = header.map((name, i) => ({
      name,
      cell: (row: readonly string[]) => row[i]!,
      words: words.has(name),
    }));
    return markup`<h3>Ranks: ${label}, seed ${seed}</h3>
      ${table(columns, rows)}
      <p class="quiet">${rankNote(ranks)}</p>`;
  });
}

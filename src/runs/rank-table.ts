import type { Table } from '../core/table.js';
import { formatBytes, plural } from '../core/text.js';
import type { RunRanks } from './summary.js';

/** A row for each rank: where it is, what it has, what a step takes of it. */
export function rankTable({ parallel, perRank }: RunRanks): Table {
  const sent = parallel === 'blocks' ? 'sent a step' : 'summed a step';
  const isMesh = perRank.some(({ share }) => share !== undefined);
  return {
    header: [
      ...['rank', 'host', 'blocks', ...(isMesh ? ['share'] : [])],
      ...['parameters', sent, 'waited a step', 'peak'],
    ],
    rows: perRank.map(
      ({ host, blocks, share, parameterBytes, bytesPerStep, waitSecondsPerStep, peakMemoryBytes }, rank) => [
        String(rank),
        host,
        blocks === undefined ? 'all' : blocks.join('–'),
        ...(share === undefined ? [] : [share.join(' of ')]),
        formatBytes(parameterBytes),
        formatBytes(bytesPerStep),
        `${(1000 * waitSecondsPerStep).toFixed(1)} ms`,
        formatBytes(peakMemoryBytes),
      ],
    ),
  };
}

/** What stands below it. */
export function rankNote({ steps, perRank, transport }: RunRanks): string {
  const peaks = perRank.map(({ peakMemoryBytes }) => peakMemoryBytes);
  const all = peaks.reduce((sum, peak) => sum + peak, 0);
  const travel = transport === undefined ? '' : '; features travelled as bfloat16';
  return `of the last ${plural(steps, 'training step')}; peak of the largest: ${formatBytes(Math.max(...peaks))}; all ranks together: ${formatBytes(all)}${travel}`;
}

import { textTable } from '../../core/table.js';
import { formatBytes } from '../../core/text.js';
import type { AtPeak, Held } from './at-peak.js';
import type { PeakList } from './report.js';
import type { MemorySetting } from './setting.js';

/** Of the peak: what takes less is summed with the others of its holder. */
const leastShare = 0.005;

/** What is in use at the peak of one method's step, largest first, in lines that add up to the peak. */
export function peakTable(
  { engine, batchSize }: MemorySetting,
  { label, network, blocks, atPeak }: PeakList,
): string {
  const title = `${label}: ${network} in ${blocks === 1 ? '1 block' : `${blocks} blocks`}, ${batchSize} images, engine ${engine.name}\n`;
  if (atPeak === undefined) return `${title}out of memory\n`;
  const { peakBytes, during, held } = atPeak;
  const row = (name: string, shape: string, dtype: string, holder: string, bytes: number): string[] => [
    name,
    ...[shape, dtype, holder],
    formatBytes(bytes),
    `${((100 * bytes) / peakBytes).toFixed(1)} %`,
  ];
  const large = held.filter(({ bytes }) => bytes >= leastShare * peakBytes);
  const table = textTable({
    header: ['at the peak', 'shape', 'dtype', 'held by', 'bytes', 'share'],
    rows: [
      ...large.map(({ name, shape, dtype, holder, bytes }) =>
        row(name, shape?.join('×') ?? '', dtype ?? '', holder, bytes),
      ),
      ...smaller(held.slice(large.length)).map(({ name, holder, bytes }) => row(name, '', '', holder, bytes)),
      row('all', '', '', '', peakBytes),
    ],
  });
  return `${title}the peak (${engine.memory.name}) is reached in ${during}\n${table}`;
}

/** The sum of each holder's, largest first. */
function smaller(held: readonly Held[]): Held[] {
  const holders = [...new Set(held.map(({ holder }) => holder))];
  return holders
    .map((holder) => {
      const own = held.filter((each) => each.holder === holder);
      return { name: `${own.length} smaller`, holder, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

/** All of it as a line of JSON. */
export function peakRecord({ batchSize, imageShape, engine }: MemorySetting, result: PeakList): string {
  const { atPeak, ...identity } = result;
  const listed: Partial<AtPeak> & { readonly outOfMemory?: true } = atPeak ?? { outOfMemory: true };
  const record = { ...identity, batch: batchSize, imageShape, ...listed };
  return `${JSON.stringify({ ...record, memoryMeter: engine.memory.name, engine: engine.name })}\n`;
}

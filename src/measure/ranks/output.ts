import { textTable } from '../../core/table.js';
import { formatBytes, formatRate } from '../../core/text.js';
import type { MemorySetting } from '../memory/setting.js';
import type { Forecast, NaivePipeline } from './predict.js';

/** What is forecast of one method, and what backpropagation would do on the same ranks. */
export interface RankForecasts {
  readonly label: string;
  readonly forecast: Forecast;
  /** Where ranks have blocks. */
  readonly bp: NaivePipeline | undefined;
  readonly bytesPerSecond: number;
}

/** A row for each rank, and what all of them come to. */
export function forecastText(
  { network, batchSize, engine }: MemorySetting,
  { label, forecast, bp, bytesPerSecond }: RankForecasts,
): string {
  const { parallel, perRank, stepSeconds, imagesPerSecond, speedUp, limit, alone } = forecast;
  const table = textTable({
    header: ['rank', 'blocks', 'parameters', 'peak', 'computes', 'sends a step', 'on the link'],
    rows: perRank.map(
      ({ blocks, parameterBytes, peakBytes, seconds, upBytes, downBytes, linkSeconds }, i) => [
        String(i),
        blocks?.join('–') ?? 'all',
        formatBytes(parameterBytes),
        formatBytes(peakBytes),
        milliseconds(seconds),
        formatBytes(upBytes + downBytes),
        milliseconds(linkSeconds),
      ],
    ),
  });
  const peak = Math.max(...perRank.map(({ peakBytes }) => peakBytes));
  const ranks = perRank.length;
  const link = `${((8 * bytesPerSecond) / 1e9).toPrecision(3)} Gbit/s`;
  const lines = [
    `${label}: ${network.name}, ${batchSize} images, ${ranks} ranks, parallel: ${parallel}, links of ${link}, engine ${engine.name} (${engine.description}), one like it for each rank`,
    table.trimEnd(),
    `a step: ${milliseconds(stepSeconds)}, ${formatRate(imagesPerSecond)} images/s: ${speedUp.toFixed(2)} × one process (${milliseconds(alone.seconds)}), ${percent(speedUp / ranks)} of ${ranks} ×; limited by ${limitInWords(limit)}`,
    `largest peak: ${formatBytes(peak)}, ${(peak / alone.peakBytes).toFixed(2)} × one process (${formatBytes(alone.peakBytes)})`,
    ...(bp === undefined
      ? []
      : [
          `BP in a naive pipeline cut there: ${milliseconds(bp.stepSeconds)}, ${formatRate(bp.imagesPerSecond)} images/s; each rank waits ${percent(bp.idle)} of the time`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same as a line of JSON. */
export function forecastRecord(
  { batchSize, engine }: MemorySetting,
  { label, forecast, bp, bytesPerSecond }: RankForecasts,
): string {
  const record = { label, batch: batchSize, linkBytesPerSecond: bytesPerSecond, ...forecast, bp };
  return `${JSON.stringify({ ...record, engine: engine.name, memoryMeter: engine.memory.name })}\n`;
}

function limitInWords({ rank, by }: Forecast['limit']): string {
  if (by === 'turns') return `what ranks ${rank} and ${rank + 1} can only do in turn`;
  return by === 'link' ? `the link of rank ${rank}` : `what rank ${rank} computes`;
}

function milliseconds(seconds: number): string {
  return `${(1000 * seconds).toFixed(1)} ms`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

import { textTable } from '../../core/table.js';
import { formatBytes, formatCount, formatOverhead, formatSeconds } from '../../core/text.js';
import type { MemorySetting } from '../memory/setting.js';
import { timedSteps, type MeasuredVariant } from './measure.js';
import { pointsOf } from './points.js';
import { terminalChart } from './terminal-chart.js';
import { nameOf } from './variants.js';

/** The table and the chart of all that was measured, BP first. */
export function frontierText(setting: MemorySetting, all: readonly MeasuredVariant[]): string {
  const points = pointsOf(all);
  const letters = lettersOf(points.length);
  const table = textTable({
    header: [
      'method',
      '',
      'blocks',
      'peak',
      '× BP',
      'mult-adds',
      'beside BP',
      'step',
      'beside BP',
      'frontier',
    ],
    rows: all.map((measured) => {
      const index = points.findIndex((point) => point.measured === measured);
      const name = nameOf(measured.variant);
      if (index < 0) return [name, '', String(measured.blocks), 'out of memory', '', '', '', '', '', ''];
      const { x, y, step, trade, isOnFrontier } = points[index]!;
      return [
        ...[name, letters[index]!, String(measured.blocks), formatBytes(x)],
        ...[
          trade?.memoryTimesBp.toFixed(2) ?? '',
          formatCount(y),
          formatOverhead(trade?.multiplyAddsOverhead),
        ],
        ...[formatStep(step.seconds), formatOverhead(trade?.timeOverhead), isOnFrontier ? '●' : ''],
      ];
    }),
  });
  const marked = points.map(({ x, y, isOnFrontier }, i) => ({ letter: letters[i]!, x, y, isOnFrontier }));
  return `${titleOf(setting, all)}\n${table}${captionOf(setting)}\n\n${terminalChart(marked)}`;
}

/** What is measured, in one line. */
export function titleOf({ batchSize, imageShape }: MemorySetting, [bp]: readonly MeasuredVariant[]): string {
  return `${bp?.network ?? ''}: a training step of ${batchSize} images of ${imageShape.join('×')}`;
}

function captionOf({ engine }: MemorySetting): string {
  return [
    `engine ${engine.name} (${engine.description}); peak: ${engine.memory.name}; step: the median of ${timedSteps}`,
    '●: no other takes as little memory and as few multiply-adds, and less of one',
  ].join('\n');
}

/** Steps of a small network take milliseconds. */
function formatStep(seconds: number): string {
  return seconds < 1 ? `${(1000 * seconds).toPrecision(3)} ms` : formatSeconds(seconds);
}

/** `a` … `z`, `A` … `Z`, and then dots: a chart of more cannot tell them apart anyway. */
function lettersOf(count: number): string[] {
  const alphabet = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  return Array.from({ length: count }, (_, i) => alphabet[i] ?? '·');
}

/** One variant as a line of JSON. */
export function frontierRecord(
  { batchSize, imageShape, engine }: MemorySetting,
  measured: MeasuredVariant,
  all: readonly MeasuredVariant[],
): string {
  const { variant, network, blocks, parameters } = measured;
  const point = pointsOf(all).find((each) => each.measured === measured);
  const record = {
    ...{ name: nameOf(variant), method: variant.method.method.name, label: variant.label },
    ...{ recompute: variant.recompute, count: variant.count, network, blocks, parameters },
    ...{ batch: batchSize, imageShape },
    ...(point === undefined
      ? { outOfMemory: true }
      : {
          peakMemoryBytes: point.x,
          ...point.trade,
          multiplyAdds: point.step.multiplyAdds,
          ...{ secondsPerStep: point.step.seconds, steps: timedSteps, onFrontier: point.isOnFrontier },
        }),
    ...{ memoryMeter: engine.memory.name, engine: engine.name, engineDescription: engine.description },
  };
  return `${JSON.stringify(record)}\n`;
}

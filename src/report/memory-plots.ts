import { formatAccuracy, formatBytes, shortened } from '../core/text.js';
import { memoryUnit } from './memory-unit.js';
import { drawTrade } from './trade/drawing.js';
import type { TradePoint } from './trade/points.js';
import { chart, type Chart, type Line, type Point } from './plot.js';
import type { RunRecord } from './run-record.js';
import type { Section } from './series.js';

/** What each series takes, memory beside time, with its accuracy: what a report leads with. */
export function tradeChart({ series, split }: Section): Chart {
  const measured = series.flatMap(({ label, style, counted, figures }) =>
    figures ? [{ label, style, counted, figures }] : [],
  );
  const unit = memoryUnit(measured.map(({ figures }) => figures.peakMemoryBytes));
  const points = measured.map(({ label, style, figures }): TradePoint => {
    const { accuracy, peakMemoryBytes, imagesPerSecond } = figures;
    const milliseconds = 1000 / imagesPerSecond;
    const time = `${milliseconds.toPrecision(3)} ms an image`;
    return {
      ...{ style, x: peakMemoryBytes / unit.bytes, y: milliseconds },
      label: `${shortened(label, mostLetters)} ${(100 * accuracy).toFixed(1)} %`,
      text: `${label}: ${formatAccuracy(accuracy)}, ${formatBytes(peakMemoryBytes)}, ${time}`,
    };
  });
  const [xTitle, yTitle] = [`peak memory, ${unit.name}`, 'training time, ms an image'];
  return {
    title: 'Memory, time and accuracy',
    note: `A point for each method, with its ${split} accuracy after the last epoch: down and to the left is better. Behind the dashed line lies what another method beats in memory and time both.${measured.some(({ counted }) => counted.length > 1) ? ' Means over runs.' : ''}`,
    legend: measured.map(({ label, style }) => ({ label, style })),
    spec: (size) => drawTrade({ points, xTitle, yTitle }, size),
    data: [
      ['method', 'runs', xTitle, yTitle, `${split} accuracy, %`],
      ...measured.map(({ label, counted, figures }, i) => [
        ...[label, counted.length, points[i]!.x, points[i]!.y, 100 * figures.accuracy],
      ]),
    ],
  };
}

/** Of a label as many letters as a chart has room for; the legend has all of it. */
const mostLetters = 36;

/** Accuracy of each run against the most memory that its training took. */
export function accuracyByMemory(section: Section): Chart {
  const unit = memoryUnit(
    section.series.flatMap(({ runs }) =>
      runs.flatMap(({ epochs }) => epochs.map((epoch) => epoch.peakMemoryBytes)),
    ),
  );
  return chart({
    title: 'Accuracy against memory',
    note: 'A point for each run, after its last epoch: up and to the left is better.',
    x: { title: `peak memory, ${unit.name}`, zero: true },
    y: { title: `${section.split} accuracy, %`, least: 2 },
    legend: section.series.filter(({ runs }) => runs.some(({ epochs }) => epochs.length > 0)),
    lines: section.series.map(({ label, style, runs }) => ({
      name: label,
      style,
      stroke: 'none',
      marked: 'all',
      points: runs.flatMap(({ epochs, seed }): Point[] => {
        const last = epochs.at(-1);
        if (!last) return [];
        const peak = Math.max(...epochs.map((epoch) => epoch.peakMemoryBytes));
        const text = `${label}, seed ${seed}: ${formatAccuracy(last.evaluationAccuracy)} at ${formatBytes(peak)}`;
        return [{ x: peak / unit.bytes, y: 100 * last.evaluationAccuracy, text }];
      }),
    })),
  });
}

/** The peak of each update; those of BP, with a single update each, are levels. */
export function memoryByUpdate({ series }: Section): Chart {
  const local = series.filter(({ method }) => method !== 'bp');
  const whole = series.flatMap(({ method, label, style, figures }) =>
    method === 'bp' && figures !== undefined ? [{ label, style, bytes: figures.peakMemoryBytes }] : [],
  );
  const peaks = local.map(({ counted }) => updatePeaks(counted));
  const unit = memoryUnit([...peaks.flat(), ...whole].map(({ bytes }) => bytes));
  const lines = local.map(({ label, style, baseline }, i): Line => ({
    name: label,
    style,
    stroke: 'normal',
    marked: 'all',
    points: peaks[i]!.map(({ name, bytes }, k) => {
      const share =
        baseline === undefined ? '' : `, ${(bytes / baseline.figures.peakMemoryBytes).toFixed(2)} × BP`;
      return { x: k + 1, y: bytes / unit.bytes, text: `${label}, ${name}: ${formatBytes(bytes)}${share}` };
    }),
  }));
  const longest = peaks.reduce<(typeof peaks)[number]>(
    (most, each) => (each.length > most.length ? each : most),
    [],
  );
  const shared = peaks.every((each) => each.every(({ name }, k) => name === longest[k]!.name));
  return chart({
    title: 'Peak memory of each update',
    note: whole.length === 0 ? 'No run of BP is here to set it against.' : 'Levels are peaks of BP.',
    x: {
      title: 'update, in the order of a step',
      whole: true,
      names: shared && longest.length > 0 ? longest.map(({ name }) => name) : undefined,
    },
    y: { title: `peak memory, ${unit.name}`, zero: true },
    legend: [...whole, ...local.filter((_, i) => peaks[i]!.length > 0)],
    lines,
    levels: whole.map(({ label, style, bytes }) => ({
      ...{ name: label, y: bytes / unit.bytes, style },
      text: `${label}: ${formatBytes(bytes)}`,
    })),
  });
}

/** The most that each update took in any epoch of any run, in the order of the updates. */
function updatePeaks(runs: readonly RunRecord[]): { name: string; bytes: number }[] {
  const most = new Map<string, number>();
  for (const { epochs } of runs)
    for (const { updatePeakBytes } of epochs)
      for (const [name, bytes] of Object.entries(updatePeakBytes))
        most.set(name, Math.max(most.get(name) ?? 0, bytes));
  return [...most].map(([name, bytes]) => ({ name, bytes }));
}

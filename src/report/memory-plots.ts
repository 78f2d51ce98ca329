import { formatAccuracy, formatBytes } from '../core/text.js';
import { chart, type Chart, type Line, type Point } from './plot.js';
import type { RunRecord } from './run-record.js';
import type { Section } from './series.js';

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
    y: { title: `${section.split} accuracy, %` },
    legend: section.series,
    lines: section.series.map(({ label, style, runs }) => ({
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
    style,
    stroke: 'normal',
    marked: 'all',
    points: peaks[i]!.map(({ name, bytes }, k) => {
      const share =
        baseline === undefined ? '' : `, ${(bytes / baseline.figures.peakMemoryBytes).toFixed(2)} × BP`;
      return { x: k + 1, y: bytes / unit.bytes, text: `${label}, ${name}: ${formatBytes(bytes)}${share}` };
    }),
  }));
  return chart({
    title: 'Peak memory of each update',
    note: whole.length === 0 ? 'No run of BP is here to set it against.' : 'Levels are peaks of BP.',
    x: { title: 'update, in the order of a step', whole: true },
    y: { title: `peak memory, ${unit.name}`, zero: true },
    legend: [...whole, ...local],
    lines,
    levels: whole.map(({ label, style, bytes }) => ({
      ...{ y: bytes / unit.bytes, style },
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

/** Megabytes of 10⁶ bytes, as the tables have them, until those are many digits. */
function memoryUnit(bytes: readonly number[]): { name: string; bytes: number } {
  return Math.max(...bytes) < 10e9 ? { name: 'MB', bytes: 1e6 } : { name: 'GB', bytes: 1e9 };
}

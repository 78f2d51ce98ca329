import {
  formatAccuracy,
  formatBytes,
  formatClock,
  formatRate,
  formatSeconds,
  formatSpread,
} from '../core/text.js';
import { gatherBadFiles } from '../runs/bad-images.js';
import { visible } from '../core/visible.js';
import { plural } from '../core/text.js';
import { bestOf } from '../runs/best-epoch.js';
import { swatch } from './figure.js';
import { markup, type Html } from './markup.js';
import type { RunStart } from '../runs/run-log.js';
import { evaluatedInWords } from '../runs/summary.js';
import type { RunRecord } from './run-record.js';
import type { Section, Series } from './series.js';

interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => Html | string;
  /** Text, not a number. */
  readonly words?: boolean;
}

/** On a phone each row is a card with the columns' names beside its cells. */
function table<T>(columns: readonly Column<T>[], rows: readonly T[]): Html {
  const kind = ({ words }: Column<T>): string => (words ? 'words' : '');
  return markup`<div class="scroll">
    <table class="stack">
      <thead>
        <tr>
          ${columns.map((column) => markup`<th class="${kind(column)}">${column.name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            markup`<tr>
              ${columns.map(
                (column) =>
                  markup`<td class="${kind(column)}" data-name="${column.name}">
                    <span>${column.cell(row)}</span>
                  </td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** A row for each series: means, and the most memory of any run. */
export function resultsTable({ series, split, baseline }: Section): Html {
  const figure =
    (format: (figures: NonNullable<Series['figures']>) => string) =>
    ({ figures }: Series): string =>
      figures ? format(figures) : '–';
  const meters = new Set(
    series.flatMap(({ runs }) => runs.flatMap((run) => run.identity?.memoryMeter ?? [])),
  );
  return table<Series>(
    [
      { name: 'method', cell: ({ label, style }) => markup`${swatch(style)} ${label}`, words: true },
      {
        name: 'blocks',
        cell: ({ runs }) => String(runs.find((run) => run.identity)?.identity?.blocks ?? '–'),
      },
      { name: 'runs', cell: ({ runs, counted }) => counts(runs, counted) },
      {
        name: `${split} accuracy, last epoch`,
        cell: figure(({ accuracy, accuracyDeviation: deviation }) =>
          formatSpread({ mean: accuracy, deviation }),
        ),
      },
      ...(baseline
        ? [
            {
              name: 'beside BP',
              cell: (series: Series) =>
                series === baseline
                  ? '–'
                  : figure(({ accuracy }) => signed(100 * (accuracy - baseline.figures.accuracy)))(series),
            },
          ]
        : []),
      { name: 'best epoch', cell: figure(({ best }) => formatSpread(best)) },
      {
        name: `peak memory (${[...meters].join(', ')})`,
        cell: figure(({ peakMemoryBytes }) => formatBytes(peakMemoryBytes)),
      },
      ...(baseline
        ? [
            {
              name: '× BP',
              cell: figure((own) => (own.peakMemoryBytes / baseline.figures.peakMemoryBytes).toFixed(2)),
            },
          ]
        : []),
      { name: 'images/s', cell: figure(({ imagesPerSecond }) => formatRate(imagesPerSecond)) },
      { name: 'time', cell: figure(({ seconds }) => formatSeconds(seconds)) },
    ],
    series,
  );
}

/** `3`, or `1 of 3 finished`. */
function counts(runs: readonly RunRecord[], counted: readonly RunRecord[]): string {
  const finished = runs.filter(({ status }) => status === 'finished').length;
  if (finished === runs.length) return String(runs.length);
  return finished === 0 && counted.length > 0
    ? `${runs.length}, none finished`
    : `${finished} of ${runs.length} finished`;
}

/** In points of a percentage. */
function signed(points: number): string {
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(2)}`;
}

/** A row for each run, with how it ended. */
export function runsTable(runs: readonly RunRecord[], now: Date): Html {
  return table<RunRecord>(
    [
      { name: 'run', cell: ({ label, seed }) => `${label}, seed ${seed}`, words: true },
      { name: 'ended', cell: (run) => ending(run, now), words: true },
      { name: 'epochs', cell: ({ epochs, config }) => `${epochs.length} of ${config.train.epochs}` },
      {
        name: 'accuracy, last epoch',
        cell: ({ epochs, identity }) =>
          epochs.length === 0
            ? '–'
            : `${formatAccuracy(epochs.at(-1)!.evaluationAccuracy)} (${evaluatedInWords(identity ?? {})})`,
      },
      { name: 'best epoch', cell: bestInWords },
      ...(runs.some((run) => run.log.badFiles.length > 0)
        ? [{ name: 'bad images', cell: ({ log }: RunRecord) => String(log.badFiles.length) }]
        : []),
      {
        name: 'begun',
        cell: ({ log }) => (log.starts[0] ? formatTime(log.starts[0].time) : '–'),
        words: true,
      },
      { name: 'folder', cell: ({ name }) => name, words: true },
    ],
    runs,
  );
}

/** The image files that runs went without, each once, with what is wrong with it. */
export function badFilesList(runs: readonly RunRecord[]): Html | undefined {
  const gathered = gatherBadFiles();
  for (const { log } of runs) gathered.add(log.badFiles);
  const files = gathered.all();
  if (files.length === 0) return undefined;
  return markup`<details open>
    <summary>${plural(files.length, 'image file')} could not be decoded and ${files.length === 1 ? 'was' : 'were'} left out</summary>
    <ul>
      ${files.map(({ path, reason }) => markup`<li>${visible(`${path}: ${reason}`)}</li>`)}
    </ul>
  </details>`;
}

/** A row for each process that trained a part of a run which several took part in. */
export function processesTable(runs: readonly RunRecord[]): Html | undefined {
  const shared = runs.filter(({ log }) => log.starts.length > 1);
  if (shared.length === 0) return undefined;
  interface Process {
    readonly run: RunRecord;
    readonly start: RunStart;
    readonly verb: string;
  }
  return table<Process>(
    [
      { name: 'run', cell: ({ run }) => `${run.label}, seed ${run.seed}`, words: true },
      { name: 'process', cell: ({ start, verb }) => `${verb} ${formatTime(start.time)}`, words: true },
      { name: 'engine', cell: ({ start }) => engineOf(start), words: true },
      {
        name: 'processor',
        cell: ({ start: { machine } }) =>
          machine ? `${machine.cpu}, ${plural(machine.cores, 'core')}` : 'not recorded',
        words: true,
      },
    ],
    shared.flatMap((run) =>
      run.log.starts.map((start, i) => ({ run, start, verb: i === 0 ? 'begun' : 'resumed' })),
    ),
  );
}

/** What computed in a process. */
export function engineOf({ engine, engineDescription }: RunStart): string {
  return `${engine}: ${engineDescription}`;
}

function bestInWords({ epochs }: RunRecord): string {
  const best = bestOf(epochs);
  if (best === undefined) return '–';
  return `${formatAccuracy(best.evaluationAccuracy)} (epoch ${best.epoch})`;
}

function ending({ status, error, lastWrite }: RunRecord, now: Date): Html | string {
  switch (status) {
    case 'finished':
      return markup`<span class="good">finished</span>`;
    case 'interrupted':
      return 'interrupted';
    case 'failed':
      return markup`<span class="bad">failed: ${error ?? 'for an unknown reason'}</span>`;
    case 'open':
      return `has not ended; last sign of life ${formatClock((now.getTime() - lastWrite.getTime()) / 1000)} before this page`;
  }
}

/** In UTC: a report is read elsewhere than it is made. */
export function formatTime(time: string | Date): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

import {
  formatAccuracy,
  formatBytesSpread,
  formatClock,
  formatCount,
  formatOverhead,
  formatPoints,
  formatRateSpread,
  formatSecondsSpread,
  formatNumberSpread,
  formatSpread,
} from '../core/text.js';
import { gatherBadFiles } from '../runs/bad-images.js';
import { visible } from '../core/visible.js';
import { ownEntry } from '../core/own-entry.js';
import { plural } from '../core/text.js';
import { bestOf } from '../runs/best-epoch.js';
import { swatch } from './figure.js';
import { markup, type Html } from './markup.js';
import type { RunStart } from '../runs/run-log.js';
import { evaluatedInWords } from '../runs/summary.js';
import type { RunRecord } from './run-record.js';
import { tradeOf } from '../measure/trade.js';
import type { Section, Series, SeriesFigures } from './series.js';
import { table } from './table.js';

const none = '–';

/** A row for each series: means, and standard deviations over several runs. */
export function resultsTable({ series, split }: Section): Html {
  const isSetAgainst = series.some(({ baseline }) => baseline !== undefined);
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
      { name: 'runs (n)', cell: ({ runs, counted }) => counts(runs, counted) },
      {
        name: `${split} accuracy, last epoch`,
        cell: figure(({ accuracy, accuracyDeviation: deviation }) =>
          formatSpread({ mean: accuracy, deviation }),
        ),
      },
      ...(isSetAgainst
        ? [
            {
              name: 'accuracy beside BP',
              cell: against(({ accuracy }, bp) => `${formatPoints(accuracy - bp.accuracy)} points`),
            },
          ]
        : []),
      { name: `${split} accuracy, best epoch`, cell: figure(({ best }) => formatSpread(best)) },
      {
        name: `peak memory (${[...meters].join(', ')})`,
        cell: figure(({ peakMemory }) => formatBytesSpread(peakMemory)),
      },
      ...(isSetAgainst
        ? [
            {
              name: 'memory beside BP',
              cell: against((own, bp) => `${tradeOf(own, bp).memoryTimesBp.toFixed(2)} ×`),
            },
            {
              name: 'multiply-adds beside BP',
              cell: against((own, bp) => formatOverhead(tradeOf(own, bp).multiplyAddsOverhead)),
            },
            {
              name: 'training time beside BP',
              cell: against((own, bp) => formatOverhead(tradeOf(own, bp).timeOverhead)),
            },
          ]
        : []),
      { name: 'time of an epoch', cell: figure(({ epochTime }) => formatSecondsSpread(epochTime)) },
    ],
    series,
    ({ label }) => label,
  );
}

/** What a reader has to know of the results' table: what ± is, and which BP a row is set against. */
export function resultsNote({ series }: Section): Html | undefined {
  const several = series.filter(({ counted }) => counted.length > 1);
  const seeds = new Set(several.flatMap(({ counted }) => counted.map(({ seed }) => seed)));
  const baselines = new Set(series.flatMap(({ baseline }) => baseline?.label ?? []));
  const blocks = series.flatMap(({ label, runs }) =>
    runs.flatMap(({ identity }) =>
      identity?.blocksNote === undefined ? [] : `${label}: ${identity.blocksNote}.`,
    ),
  );
  const notes = [
    several.length > 0
      ? `Figures are means over the n runs of a row, which differ in their seed alone (${[...seeds].sort((a, b) => a - b).join(', ')}); ± is the sample standard deviation, with n − 1.`
      : '',
    series.some(({ runs }) => repeats(runs) > 0) ? 'Of finished runs of one seed the last counts.' : '',
    baselines.size > 1
      ? '“Beside BP” sets a row against the BP that was trained with the same settings.'
      : '',
    ...new Set(blocks),
  ].filter((note) => note !== '');
  return notes.length === 0 ? undefined : markup`<p class="quiet">${notes.join(' ')}</p>`;
}

/** What each series is made of, and the rest of what it takes. */
export function costTable({ series }: Section): Html {
  const anyTop5 = series.some(({ figures }) => figures?.top5 !== undefined);
  const metrics = new Set(series.flatMap(({ figures }) => Object.keys(figures?.metrics ?? {})));
  const parameters = (part: 'network' | 'auxiliary' | 'inference') =>
    figure(({ parameters }) => (parameters ? formatCount(parameters[part]) : none));
  const products = (part: 'network' | 'auxiliary') =>
    figure(({ multiplyAdds }) => (multiplyAdds ? formatCount(multiplyAdds[part]) : none));
  return table<Series>(
    [
      { name: 'method', cell: ({ label, style }) => markup`${swatch(style)} ${label}`, words: true },
      ...(anyTop5
        ? [{ name: 'top-5 accuracy', cell: figure(({ top5 }) => (top5 ? formatSpread(top5) : none)) }]
        : []),
      ...[...metrics].map((name) => ({
        name,
        cell: figure(({ metrics: own }) => {
          const found = ownEntry(own, name);
          return found === undefined ? none : formatNumberSpread(found);
        }),
      })),
      { name: 'parameters of the network', cell: parameters('network') },
      { name: 'parameters beside it in training', cell: parameters('auxiliary') },
      { name: 'parameters at inference', cell: parameters('inference') },
      { name: 'multiply-adds a step, network', cell: products('network') },
      { name: 'multiply-adds a step, auxiliary', cell: products('auxiliary') },
      { name: 'reserved memory', cell: figure(({ reservedMemory }) => formatBytesSpread(reservedMemory)) },
      { name: 'training speed', cell: figure(({ rate }) => `${formatRateSpread(rate)} images/s`) },
      { name: 'time of the whole run', cell: figure(({ time }) => formatSecondsSpread(time)) },
    ],
    series,
    ({ label }) => label,
  );
}

/** A cell of a series' figures, empty where it has none. */
function figure(format: (figures: SeriesFigures) => string) {
  return ({ figures }: Series): string => (figures ? format(figures) : none);
}

/** A cell that sets a series against BP as it is trained with the same settings; empty for that itself. */
function against(format: (own: SeriesFigures, bp: SeriesFigures) => string) {
  return ({ label, figures, baseline }: Series): string =>
    figures && baseline && baseline.label !== label ? format(figures, baseline.figures) : none;
}

/** How many runs are of a seed that another has. */
const repeats = (runs: readonly RunRecord[]): number =>
  runs.length - new Set(runs.map(({ seed }) => seed)).size;

/** `3`, `1 of 2` where one is another's again, or `1 of 3 finished`. */
function counts(runs: readonly RunRecord[], counted: readonly RunRecord[]): string {
  const finished = runs.filter(({ status }) => status === 'finished').length;
  const again = repeats(runs);
  if (finished === runs.length)
    return again === 0 ? String(runs.length) : `${counted.length} of ${runs.length}`;
  return finished === 0 && counted.length > 0
    ? `${runs.length}, none finished`
    : `${finished} of ${runs.length} finished`;
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

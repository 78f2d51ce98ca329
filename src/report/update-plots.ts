import type { EpochMetrics } from '../train/events.js';
import { formatAccuracy } from '../core/text.js';
import { heatMap } from './heat-map.js';
import { chart, withUnit, type Chart, type Line } from './plot.js';
import { mean } from '../core/stats.js';
import { type Section, type Series } from './series.js';
import { rampStyle } from './styles.js';

/** More than the plot has pixels for would only make the page heavy. */
const mostEpochs = 100;
/** Lines of more cannot be told from each other. */
const mostLines = 6;

/** The training loss of each update after each epoch, a chart for each series of several updates. */
export function lossByUpdate(section: Section): Chart[] {
  return byUpdate(section, {
    what: 'loss of each update',
    quantity: 'training loss',
    note: 'Losses of different updates need not be of one kind.',
    log: true,
    values: (epoch) => epoch.updateLosses,
    format: (value) => value.toPrecision(4),
  });
}

/** The accuracy of what each update has to classify with, in the same charts. */
export function accuracyByUpdate(section: Section): Chart[] {
  return byUpdate(section, {
    what: 'accuracy of each update',
    quantity: `${section.split} accuracy`,
    unit: '%',
    note: 'Of its auxiliary net, or of the head.',
    values: ({ updateAccuracies }) =>
      Object.fromEntries(Object.entries(updateAccuracies).map(([name, share]) => [name, 100 * share])),
    least: 2,
    format: (value) => formatAccuracy(value / 100),
  });
}

interface UpdateQuantity {
  readonly what: string;
  readonly quantity: string;
  readonly unit?: string;
  readonly note: string;
  /** As of an axis. */
  readonly log?: boolean;
  readonly least?: number;
  readonly values: (epoch: EpochMetrics) => Readonly<Record<string, number>>;
  readonly format: (value: number) => string;
}

function byUpdate({ series }: Section, quantity: UpdateQuantity): Chart[] {
  return series.flatMap((each) => {
    const names = namesOf(each, quantity);
    return names.length < 2 ? [] : [chartOf(each, names, quantity)];
  });
}

function namesOf({ counted }: Series, { values }: UpdateQuantity): string[] {
  return [...new Set(counted.flatMap(({ epochs }) => epochs.flatMap((epoch) => Object.keys(values(epoch)))))];
}

function chartOf(
  { label, counted }: Series,
  names: readonly string[],
  { what, quantity, unit, note, log, least, values, format }: UpdateQuantity,
): Chart {
  const shared = Math.min(...counted.map(({ epochs }) => epochs.length));
  const every = Math.ceil(shared / mostEpochs);
  const kept = counted[0]!.epochs
    .slice(0, shared)
    .map(({ epoch }) => epoch)
    .filter((_, i) => (i + 1) % every === 0 || i === 0 || i === shared - 1);
  const rows = names.map((name) =>
    kept.map((epoch) => mean(counted.map(({ epochs }) => values(epochs[epoch - 1]!)[name] ?? Number.NaN))),
  );
  const text = (i: number, k: number): string =>
    `${label}, ${names[i]!}, epoch ${kept[k]!}: ${format(rows[i]![k]!)}`;
  const title = `${label}: ${what}`;
  const notes = [
    note,
    counted.length > 1 ? `The mean of ${counted.length} runs.` : '',
    every > 1 ? `Every ${every}th epoch.` : '',
  ];
  const inWords = notes.filter((each) => each !== '').join(' ');
  if (names.length > mostLines) {
    return heatMap({
      ...{ title, note: inWords, quantity, unit, values: rows, text, format },
      ...(log === undefined ? {} : { log }),
      x: { title: 'epoch', names: kept.map(String) },
      y: { title: 'update, in the order of a step', names },
    });
  }
  const lines = rows.map((row, i): Line => {
    const points = row.map((y, k) => ({ x: kept[k]!, y, text: text(i, k) }));
    const name = `${label}, ${names[i]!}`;
    return { name, style: rampStyle(i, names.length), points, stroke: 'normal', marked: 'last' };
  });
  return chart({
    ...{ title, note: inWords, lines },
    legend: names.map((each, i) => ({ label: each, style: rampStyle(i, names.length) })),
    x: { title: 'epoch', whole: true },
    y: {
      title: withUnit(quantity, unit),
      ...(log === undefined ? {} : { log }),
      ...(least === undefined ? {} : { least }),
    },
  });
}

import type { EpochMetrics } from '../train/events.js';
import { formatAccuracy } from '../core/text.js';
import { chart, type Chart, type LegendEntry, type Line } from './plot.js';
import { mean } from '../core/stats.js';
import { type Section, type Series } from './series.js';
import { rampStyle } from './styles.js';

/** More than the plot has pixels for would only make the page heavy. */
const mostEpochs = 100;
/** Of more updates the legend names only some. */
const mostNamed = 8;

/** The training loss of each update after each epoch, a chart for each series of several updates. */
export function lossByUpdate(section: Section): Chart[] {
  return byUpdate(section, {
    what: 'loss of each update',
    axis: 'training loss',
    note: 'Losses of different updates need not be of one kind.',
    values: (epoch) => epoch.updateLosses,
    format: (value) => value.toPrecision(4),
  });
}

/** The accuracy of what each update has to classify with, in the same charts. */
export function accuracyByUpdate(section: Section): Chart[] {
  return byUpdate(section, {
    what: 'accuracy of each update',
    axis: `${section.split} accuracy, %`,
    note: 'Of its auxiliary net, or of the head.',
    values: ({ updateAccuracies }) =>
      Object.fromEntries(Object.entries(updateAccuracies).map(([name, share]) => [name, 100 * share])),
    format: (value) => formatAccuracy(value / 100),
  });
}

interface UpdateQuantity {
  readonly what: string;
  readonly axis: string;
  readonly note: string;
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

function chartOf({ label, counted }: Series, names: readonly string[], quantity: UpdateQuantity): Chart {
  const shared = Math.min(...counted.map(({ epochs }) => epochs.length));
  const every = Math.ceil(shared / mostEpochs);
  const kept = counted[0]!.epochs
    .slice(0, shared)
    .filter((_, i) => (i + 1) % every === 0 || i === 0 || i === shared - 1);
  const lines = names.map((name, k): Line => {
    const points = kept.map(({ epoch }) => {
      const y = mean(counted.map(({ epochs }) => quantity.values(epochs[epoch - 1]!)[name] ?? Number.NaN));
      return { x: epoch, y, text: `${label}, ${name}, epoch ${epoch}: ${quantity.format(y)}` };
    });
    return { style: rampStyle(k, names.length), points, stroke: 'normal', marked: 'last' };
  });
  const notes = [
    quantity.note,
    counted.length > 1 ? `The mean of ${counted.length} runs.` : '',
    every > 1 ? `Every ${every}th epoch.` : '',
  ];
  return chart({
    title: `${label}: ${quantity.what}`,
    note: notes.filter((note) => note !== '').join(' '),
    legend: named(names),
    x: { title: 'epoch', whole: true },
    y: { title: quantity.axis },
    lines,
  });
}

/** Evenly spaced, the first and the last among them. */
function named(names: readonly string[]): LegendEntry[] {
  const count = Math.min(names.length, mostNamed);
  return Array.from({ length: count }, (_, i) => {
    const k = Math.round((i * (names.length - 1)) / (count - 1));
    return { label: names[k]!, style: rampStyle(k, names.length) };
  });
}

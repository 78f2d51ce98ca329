import { formatAccuracy } from '../core/text.js';
import { heatMap } from './heat-map.js';
import { chart, withUnit, type Chart, type Line } from './plot.js';
import { mean } from '../core/stats.js';
import { ownEntry } from '../core/own-entry.js';
import { epochRows, sharedRows, stepRows, thinned, type Rows } from './rows.js';
import { type Section } from './series.js';
import { rampStyle } from './styles.js';

/** More than the plot has pixels for would only make the page heavy. */
const mostPlaces = 100;
/** Lines of more cannot be told from each other. */
const mostLines = 6;

/** The training loss of each update after each epoch, a chart for each series of several updates. */
export function lossByUpdate(section: Section): Chart[] {
  return byUpdate(section, {
    ...lossQuantity,
    rows: epochRows,
    what: 'loss of each update',
    values: (epoch) => epoch.updateLosses,
  });
}

/** The same of single steps, where runs logged them. */
export function lossByUpdateAndStep(section: Section): Chart[] {
  return byUpdate(section, {
    ...lossQuantity,
    rows: stepRows,
    what: 'loss of each update in single steps',
    values: (step) => step.updateLosses,
  });
}

const lossQuantity = {
  quantity: 'training loss',
  note: 'Losses of different updates need not be of one kind.',
  log: true,
  format: (value: number) => value.toPrecision(4),
} as const;

/** The accuracy of what each update has to classify with, in the same charts. */
export function accuracyByUpdate(section: Section): Chart[] {
  return byUpdate(section, {
    rows: epochRows,
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

interface UpdateQuantity<Row> {
  readonly rows: Rows<Row>;
  readonly what: string;
  readonly quantity: string;
  readonly unit?: string;
  readonly note: string;
  /** As of an axis. */
  readonly log?: boolean;
  readonly least?: number;
  readonly values: (row: Row) => Readonly<Record<string, number>>;
  readonly format: (value: number) => string;
}

function byUpdate<Row>({ series }: Section, quantity: UpdateQuantity<Row>): Chart[] {
  return series.flatMap((each) => {
    const shared = sharedRows(
      each.counted.filter((run) => quantity.rows.of(run).length > 0),
      quantity.rows,
    );
    const names = [...new Set(shared.flat().flatMap((row) => Object.keys(quantity.values(row))))];
    return names.length < 2 ? [] : [chartOf(each.label, shared, names, quantity)];
  });
}

function chartOf<Row>(
  label: string,
  shared: readonly Row[][],
  names: readonly string[],
  { rows: table, what, quantity, unit, note, log, least, values, format }: UpdateQuantity<Row>,
): Chart {
  const { kept: places, every } = thinned([...shared[0]!.keys()], mostPlaces);
  const kept = places.map((i) => table.at(shared[0]![i]!));
  const rows = names.map((name) =>
    places.map((i) => mean(shared.map((own) => ownEntry(values(own[i]!), name) ?? Number.NaN))),
  );
  const text = (i: number, k: number): string =>
    `${label}, ${names[i]!}, ${table.unit} ${kept[k]!}: ${format(rows[i]![k]!)}`;
  const title = `${label}: ${what}`;
  const notes = [
    note,
    shared.length > 1 ? `The mean of ${shared.length} runs.` : '',
    every > 1 ? `Every ${every}th ${table.unit === 'epoch' ? 'epoch' : 'row'}.` : '',
  ];
  const inWords = notes.filter((each) => each !== '').join(' ');
  if (names.length > mostLines) {
    return heatMap({
      ...{ title, note: inWords, quantity, unit, values: rows, text, format },
      ...(log === undefined ? {} : { log }),
      x: { title: table.unit, names: kept.map(String) },
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
    x: { title: table.unit, whole: true },
    y: {
      title: withUnit(quantity, unit),
      ...(log === undefined ? {} : { log }),
      ...(least === undefined ? {} : { least }),
    },
  });
}

import { isReference, type ReferenceTraits } from '../config/reference.js';
import { metricSpreads } from '../runs/seeds.js';
import { evaluatedInWords, measuredOf, type Measured, type RunIdentity } from '../runs/summary.js';
import type { Taken } from '../measure/trade.js';
import { spread, type Spread } from '../core/stats.js';
import { idleKeys } from '../config/differences.js';
import { configKey, ownValues } from './config-values.js';
import { dataOfRuns } from './data-of-runs.js';
import type { RunRecord } from './run-record.js';
import { visible } from '../core/visible.js';
import { styleOf, type SeriesStyle } from './styles.js';

/** The runs that differ in nothing but their seed. */
export interface Series {
  /** Unlike those of all other series of its section. */
  readonly label: string;
  readonly method: string;
  readonly style: SeriesStyle;
  /** All of them, failed ones too. */
  readonly runs: readonly RunRecord[];
  /** Those that its figures are means of: the finished ones, or, where there are none, all with a finished epoch. */
  readonly counted: readonly RunRecord[];
  /** Undefined where no run counts. */
  readonly figures: SeriesFigures | undefined;
  /**
   * What its figures are set against: BP as such, trained with the same settings. Undefined where no such run has
   * figures.
   */
  readonly baseline: Baseline | undefined;
}

/** A series that others are set against. */
export type Baseline = Omit<Series, 'baseline' | 'figures'> & { readonly figures: SeriesFigures };

/** Over the counted runs. */
export interface SeriesFigures extends Taken {
  /** The mean after the last epoch. */
  readonly accuracy: number;
  /** The sample's standard deviation; undefined for a single run. */
  readonly accuracyDeviation: number | undefined;
  /** After each run's best epoch. */
  readonly best: Spread;
  /** After the last epoch; undefined where a run has none. */
  readonly top5: Spread | undefined;
  /** Of metrics of plugins after the last epoch, by their names. */
  readonly metrics: Readonly<Record<string, Spread>>;
  readonly peakMemory: Spread;
  readonly reservedMemory: Spread;
  readonly rate: Spread;
  /** Of an epoch, with its evaluation. */
  readonly epochTime: Spread;
  readonly time: Spread;
  readonly parameters: RunIdentity['parameters'];
}

/**
 * Runs whose accuracy and memory can be set against each other: of one network, batch size and engine, and one data set
 * with the same content.
 */
export interface Section {
  readonly title: string;
  readonly series: readonly Series[];
  /** `test` or `validation`: what accuracy was measured on. */
  readonly split: string;
}

/** Keys of a config that change no number, or only what the seed does. */
export const idle = new RegExp(
  ['^(name|seed)$', '^method\\.label$', ...idleKeys.map(({ source }) => source)].join('|'),
);

/**
 * Sorts runs into sections, and the runs of each into series, both in the order in which they come, but BP first. A
 * label has the same style in all sections.
 */
export function sectionsOf(runs: readonly RunRecord[]): Section[] {
  const data = dataOfRuns(runs);
  const setting = (run: RunRecord): object => ({ ...settingOf(run), content: data.get(run) });
  const sections = groupBy(runs, (run) => configKey(setting(run), idle)).map((members) => ({
    members,
    groups: labelled(bpFirst(groupBy(members, seriesKey))),
  }));
  const labels = (bp: boolean): string[] => [
    ...new Set(
      sections.flatMap(({ groups }) => groups.filter((g) => isBp(g.members[0]!) === bp).map((g) => g.label)),
    ),
  ];
  const [baselines, others] = [labels(true), labels(false)];
  const titles = titled(
    sections.map(({ members }) => members[0]!),
    setting,
  );
  return sections.map(({ members, groups }, i) => {
    const unset = groups.map(({ label, members: seeds }) => {
      const bp = isBp(seeds[0]!);
      return seriesOf(label, styleOf((bp ? baselines : others).indexOf(label), bp), seeds);
    });
    const series = unset.map((each) => ({ ...each, baseline: baselineOf(each, unset) }));
    const splits = new Set(members.map(({ identity }) => evaluatedInWords(identity ?? {})));
    return {
      title: titles[i]!,
      series,
      split: [...splits].join('/'),
    };
  });
}

const isBp = ({ method }: RunRecord): boolean => method === 'bp';

/** Keys of a config that say how the network is trained, and not in which recipe. */
const ways = new RegExp(`${idle.source}|^method\\.`);

/** Of the series of a section the reference that was trained with the settings of this one. */
function baselineOf(
  { runs }: Omit<Series, 'baseline'>,
  all: readonly Omit<Series, 'baseline'>[],
): Baseline | undefined {
  const settings = (run: RunRecord): string => configKey(run.config, ways);
  const own = settings(runs[0]!);
  return all.find(
    (each): each is Baseline =>
      each.figures !== undefined && isReference(traitsOf(each.runs[0]!)) && settings(each.runs[0]!) === own,
  );
}

function traitsOf({ config: { method } }: RunRecord): ReferenceTraits {
  const { recompute, accumulate } = method;
  return { method: method.method, recompute, accumulate };
}

function bpFirst(groups: readonly RunRecord[][]): RunRecord[][] {
  return [...groups].sort(([a], [b]) => Number(isBp(b!)) - Number(isBp(a!)));
}

/** What the runs of a section share, but for the data itself. */
function settingOf({ config, identity }: RunRecord): object {
  const { data, network, train, engine } = config;
  return { data, network, batchSize: train.batchSize, engine, memoryMeter: identity?.memoryMeter };
}

function seriesKey({ config, label }: RunRecord): string {
  return label + configKey(config, idle);
}

/** Names each section by its network and data; those that share a name, each also by what it has of its own. */
function titled(firsts: readonly RunRecord[], setting: (run: RunRecord) => object): string[] {
  const names = firsts.map(({ config }) => {
    const { name, layers } = config.network;
    const network = typeof layers === 'number' ? `${name}-${layers}` : name;
    return visible(`${network} on ${config.data.name}, batch size ${config.train.batchSize}`);
  });
  return names.map((name, i) => {
    const twins = firsts.filter((_, k) => names[k] === name).map(setting);
    return [name, ...ownValues(setting(firsts[i]!), twins, idle)].join(', ');
  });
}

/** Runs of one setting and seed are one result, found again: the one that was written last stands for all. */
function onePerSeed(runs: readonly RunRecord[]): RunRecord[] {
  const bySeed = new Map<number, RunRecord>();
  for (const run of runs) {
    const before = bySeed.get(run.seed);
    if (before === undefined || before.lastWrite <= run.lastWrite) bySeed.set(run.seed, run);
  }
  return runs.filter((run) => bySeed.get(run.seed) === run);
}

/** Names each group by its label; of those that share one, each also by what its config has of its own. */
function labelled(groups: readonly RunRecord[][]): { label: string; members: RunRecord[] }[] {
  const firsts = groups.map(([first]) => first!);
  return groups.map((members, i) => {
    const { label, config } = firsts[i]!;
    const twins = firsts.filter((other) => other.label === label).map((other) => other.config);
    if (twins.length === 1) return { label, members };
    const own = ownValues(config, twins, idle);
    return { label: `${label} (${own.length <= 2 ? own.join(', ') : `config ${i + 1}`})`, members };
  });
}

function seriesOf(label: string, style: SeriesStyle, runs: readonly RunRecord[]): Omit<Series, 'baseline'> {
  const trained = runs.filter(({ epochs }) => epochs.length > 0);
  const finished = trained.filter(({ status }) => status === 'finished');
  const counted = onePerSeed(finished.length > 0 ? finished : trained);
  return { label, method: runs[0]!.method, style, runs, counted, figures: figuresOf(counted) };
}

function figuresOf(runs: readonly RunRecord[]): SeriesFigures | undefined {
  const results = runs.flatMap(({ epochs }) => measuredOf(epochs) ?? []);
  if (results.length === 0) return undefined;
  const over = (of: (result: Measured) => number): Spread => spread(results.map(of));
  const accuracy = over((result) => result.accuracy);
  const top5 = results.flatMap((result) => result.top5 ?? []);
  const [peakMemory, rate] = [over((each) => each.peakMemoryBytes), over((each) => each.imagesPerSecond)];
  return {
    accuracy: accuracy.mean,
    accuracyDeviation: accuracy.deviation,
    best: spread(results.flatMap(({ bestAccuracy }) => bestAccuracy ?? [])),
    top5: top5.length === results.length ? spread(top5) : undefined,
    metrics: metricSpreads(results),
    ...{ peakMemory, reservedMemory: over((each) => each.reservedMemoryBytes), rate },
    ...{ epochTime: over(({ seconds, epochs }) => seconds / epochs), time: over(({ seconds }) => seconds) },
    ...{ peakMemoryBytes: peakMemory.mean, imagesPerSecond: rate.mean },
    multiplyAdds: runs.find(({ log }) => log.cost)?.log.cost,
    parameters: runs.find(({ identity }) => identity?.parameters)?.identity?.parameters,
  };
}

/** The values that share a key, in the order of each key's first. */
export function groupBy<T>(values: readonly T[], key: (value: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value]);
  return [...groups.values()];
}

import { join } from 'node:path';
import { comparedMethods, comparedSeeds, type Config, type LoadedConfig } from '../config/config.js';
import { writeFileAtomic } from '../core/files.js';
import { writeJson } from '../core/json-file.js';
import { compare, type CompareOptions, type Comparison } from './compare.js';
import { openExperiment, type Experiment } from './experiment.js';
import { pointFolder, type SweepPoint } from './sweep-points.js';
import { sweepCsv, type SweptResult } from './sweep-table.js';

/** A combination of values, and the config that has them. */
export interface SweepConfig extends LoadedConfig {
  readonly point: SweepPoint;
}

/** Where a sweep is recorded, and who is told of it. */
export interface SweepOptions extends Omit<CompareOptions, 'from'> {
  /** Told of an experiment that was opened, each data set once. */
  readonly onOpen?: (experiment: Experiment) => void;
}

/** What a sweep came to. */
export interface Sweep extends Pick<Comparison, 'failed' | 'defects' | 'interrupted'> {
  /** Of the combinations that were trained, in their order. */
  readonly points: readonly SweptResult[];
}

/**
 * Compares the methods of one config after another, each combination of values in a folder of its own below `parent`.
 * Runs that are finished there are taken as they are, those that were interrupted go on. After each combination
 * `parent/sweep.json` and `parent/sweep.csv` are rewritten with those that are done.
 *
 * @throws UserError as `compare`, with the combination
 */
export async function sweep(configs: readonly SweepConfig[], options: SweepOptions): Promise<Sweep> {
  const { parent, observer, onOpen } = options;
  const points: SweptResult[] = [];
  const [failed, defects] = [[] as Comparison['failed'][number][], [] as unknown[]];
  let opened: Experiment | undefined;
  const runs = configs.map(({ config }) => comparedMethods(config).length * comparedSeeds(config).length);
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  for (const [i, { point, config, registry }] of configs.entries()) {
    const named = Object.entries(point).map(([key, value]) => `${key}=${value}`);
    observer?.note(`${i + 1} of ${configs.length}: ${named.join(', ')}`);
    const shared = opened !== undefined && hasSameData(opened.config, config) ? opened : undefined;
    const experiment =
      shared === undefined ? await openExperiment(config, registry) : { ...shared, config, registry };
    if (shared === undefined) onOpen?.(experiment);
    opened = experiment;
    const folder = pointFolder(point);
    const among = { before: total(runs.slice(0, i)), of: total(runs) };
    const own = { ...options, among, parent: join(parent, folder), from: [] };
    const comparison = await compare(experiment, own);
    defects.push(...comparison.defects);
    failed.push(...comparison.failed.map((run) => ({ ...run, folder: join(folder, run.folder) })));
    if (comparison.interrupted) return { points, failed, defects, interrupted: true };
    const results = comparison.results.map((run) => ({ ...run, folder: join(folder, run.folder ?? '') }));
    points.push({ point, results, failed: comparison.failed });
    writeJson(join(parent, 'sweep.json'), { points });
    writeFileAtomic(join(parent, 'sweep.csv'), sweepCsv(points));
  }
  return { points, failed, defects, interrupted: false };
}

function hasSameData(there: Config, here: Config): boolean {
  const source = ({ data, seed, engine }: Config): string => JSON.stringify([data, seed, engine]);
  return source(there) === source(here);
}

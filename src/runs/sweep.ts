import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { comparedMethods, comparedSeeds } from '../config/config.js';
import { labelOf } from '../config/method-config.js';
import { messageOf, UserError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { writeJson } from '../core/json-file.js';
import { compare, type CompareOptions, type Comparison } from './compare.js';
import { openPoint, type LoadedSweep } from './sweep-load.js';
import { overridesOf, pointFolder } from './sweep-points.js';
import { sweepCsv, type SweptResult } from './sweep-table.js';
import { WriteFailure, writing } from './write-failure.js';

/** Where a sweep is recorded, and who is told of it. */
export type SweepOptions = Omit<CompareOptions, 'from'>;

/** What a sweep came to. */
export interface Sweep extends Pick<Comparison, 'failed' | 'defects' | 'interrupted'> {
  /** The combinations that are done, in their order. */
  readonly points: readonly SweptResult[];
}

/**
 * Compares the methods of one config after another, each combination of values in a folder of its own below `parent`.
 * Runs that are finished there are taken as they are, those that were interrupted go on. A run that fails, or a whole
 * combination, such as one whose cut points cannot be measured, does not keep the others from theirs. After each
 * combination `parent/sweep.json` and `parent/sweep.csv` are rewritten with those that are done.
 *
 * @throws WriteFailure if the folder cannot be written to
 */
export async function sweep({ configs, ...loaded }: LoadedSweep, options: SweepOptions): Promise<Sweep> {
  const { parent, observer } = options;
  const points: SweptResult[] = [];
  const [failed, defects] = [[] as Comparison['failed'][number][], [] as unknown[]];
  let { opened } = loaded;
  const record = (write: () => void): void =>
    writing(parent, write, 'run the same command again: it goes on');
  record(() => mkdirSync(parent, { recursive: true }));
  const runs = configs.map(({ config }) => comparedMethods(config).length * comparedSeeds(config).length);
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  for (const [i, each] of configs.entries()) {
    const { point, config } = each;
    observer?.note(`${i + 1} of ${configs.length}: ${overridesOf(point).join(', ')}`);
    const folder = pointFolder(point);
    const among = { before: total(runs.slice(0, i)), of: total(runs) };
    try {
      opened = await openPoint(each, opened);
      const comparison = await compare(opened, { ...options, among, parent: join(parent, folder), from: [] });
      defects.push(...comparison.defects);
      const failures = comparison.failed.map((run) => ({ ...run, folder: join(folder, run.folder) }));
      failed.push(...failures);
      if (comparison.interrupted) return { points, failed, defects, interrupted: true };
      const results = comparison.results.map((run) => ({ ...run, folder: join(folder, run.folder ?? '') }));
      points.push({ point, results, failed: failures });
    } catch (error) {
      if (!(error instanceof UserError) || error instanceof WriteFailure) throw error;
      const methods = comparedMethods(config).map(labelOf);
      points.push({ point, results: [], failed: [], refused: { methods, error: messageOf(error) } });
      observer?.note(`${overridesOf(point).join(', ')}: failed; the sweep goes on`, 'always');
    }
    record(() => {
      writeJson(join(parent, 'sweep.json'), { points });
      writeFileAtomic(join(parent, 'sweep.csv'), sweepCsv(points));
    });
  }
  return { points, failed, defects, interrupted: false };
}

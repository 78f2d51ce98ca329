import { createHash } from 'node:crypto';
import type { DataIdentity } from '../data/identity.js';
import { placeOf } from '../runs/data.js';
import type { RunRecord } from './run-record.js';

/**
 * What each run was trained on, as text that is the same for the same data, whatever its path. Runs of older versions
 * did not record it: they count with those of the same data options, paths among them, if all of these that did record
 * it are on the same; else their path is what tells them apart.
 */
export function dataOfRuns(runs: readonly RunRecord[]): ReadonlyMap<RunRecord, string> {
  const options = ({ config }: RunRecord): string => JSON.stringify(config.data);
  const recorded = new Map<string, Set<string>>();
  for (const run of runs) {
    if (run.data === undefined) continue;
    const there = recorded.get(options(run)) ?? new Set();
    recorded.set(options(run), there.add(inWords(run.data)));
  }
  return new Map(
    runs.map((run) => {
      if (run.data !== undefined) return [run, inWords(run.data)];
      const [only, ...others] = recorded.get(options(run)) ?? [];
      if (only !== undefined && others.length === 0) return [run, only];
      return [run, ['not recorded', placeOf(run.config.data)].join(' ').trim()];
    }),
  );
}

/** `24 training images of cat, dog, … (1f2e3d4c)`: the beginning of a digest of all of it. */
function inWords(data: DataIdentity): string {
  const images = data.train.images.reduce((sum, count) => sum + count, 0);
  const first = data.classes.slice(0, 3).join(', ');
  const classes = data.classes.length > 3 ? `${first}, …` : first;
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 8);
  return `${images} training images of ${classes} (${digest})`;
}

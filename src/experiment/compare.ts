import { join } from 'node:path';
import { writeFileAtomic } from '../files.js';
import { comparedMethods } from './config.js';
import type { ChosenMethod } from './memory/choose-cuts.js';
import { prepareMethod, runPrepared, type Experiment, type RunOptions } from './run.js';
import type { RunResult } from './summary.js';
import { markdownTable } from './table.js';

export interface Comparison {
  /** One for each method that was trained to its end, in the config's order. */
  readonly results: readonly RunResult[];
  readonly interrupted: boolean;
}

/**
 * Checks every method, then trains a fresh network of the same seed with each method, the run folders in `parent`. After each method
 * `parent/summary.json` (`{ "runs": [result, …] }`) and `parent/table.md` are rewritten with the methods done so far.
 */
export async function compare(experiment: Experiment, options: RunOptions): Promise<Comparison> {
  const prepared: ChosenMethod[] = [];
  for (const method of comparedMethods(experiment.config)) {
    prepared.push(await prepareMethod(experiment, method, options));
  }
  const results: RunResult[] = [];
  for (const method of prepared) {
    const { interrupted, result } = await runPrepared(experiment, method, options);
    if (interrupted) return { results, interrupted };
    if (result) results.push(result);
    writeFileAtomic(join(options.parent, 'summary.json'), `${JSON.stringify({ runs: results }, null, 2)}\n`);
    writeFileAtomic(join(options.parent, 'table.md'), markdownTable(results));
  }
  return { results, interrupted: false };
}

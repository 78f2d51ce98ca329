import { existsSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { identityOf } from '../data/identity.js';
import { loadDataset } from '../data/registry.js';
import { messageOf, UserError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { comparedMethods, comparedSeeds, labelOf } from '../config/config.js';
import { canGoOn, findRuns, isSameRun, onSameData, type EarlierRun } from './earlier-runs.js';
import type { ChosenMethod } from '../measure/memory/choose-cuts.js';
import { resumeRun } from './resume.js';
import { uncheckedData } from './data.js';
import {
  prepareMethod,
  runConfigOf,
  runPrepared,
  type Experiment,
  type FinishedRun,
  type RunOptions,
} from './run.js';
import type { ComparedRun } from './summary.js';
import { markdownTable } from '../core/table.js';
import { csvTable, resultTable } from './table.js';

export interface CompareOptions extends RunOptions {
  /** Folders of earlier runs or comparisons, whose finished runs are taken. */
  readonly from?: readonly string[];
}

export interface Comparison {
  /** One for each seed and method that was trained to its end, seed after seed, the methods in the config's order. */
  readonly results: readonly ComparedRun[];
  readonly interrupted: boolean;
}

/**
 * Checks every method, then trains a fresh network with each method and each seed, the run folders in `parent`. A run
 * that is finished there, or in one of the folders `from`, is taken as it is; one that was interrupted goes on. After
 * each run `parent/summary.json` (`{ "runs": [result, …] }`), `table.md` and `table.csv` are rewritten with those that
 * are done.
 *
 * @throws UserError before anything is trained, if a run that would be taken is on other data than the experiment's; and
 * as `runExperiment`
 */
export async function compare(experiment: Experiment, options: CompareOptions): Promise<Comparison> {
  const { parent, from = [] } = options;
  const prepared: ChosenMethod[] = [];
  for (const method of comparedMethods(experiment.config)) {
    prepared.push(await prepareMethod(experiment, method, options));
  }
  const note = (message: string): void => options.observer?.note(message, 'always');
  const find = (folder: string): EarlierRun[] => findRuns(folder, experiment.registry, note);
  const own = existsSync(parent) ? find(parent) : [];
  const earlier = [...own, ...from.flatMap(find)];
  const seeds = comparedSeeds(experiment.config);
  for (const seed of seeds) {
    const seeded = { ...experiment, config: { ...experiment.config, seed } };
    for (const chosen of prepared) runToTake(seeded, chosen, { own, earlier });
  }
  makeFolder(parent);
  const results: ComparedRun[] = [];
  for (const seed of seeds) {
    const seeded = await withSeed(experiment, seed);
    for (const chosen of prepared) {
      const { folder, interrupted, result } = await runOrTake(seeded, chosen, { own, earlier }, options);
      if (interrupted) return { results, interrupted };
      if (result) {
        results.push({ ...result, label: labelOf(chosen.method), folder: relative(parent, folder) });
      }
      writeFileAtomic(join(parent, 'summary.json'), `${JSON.stringify({ runs: results }, null, 2)}\n`);
      writeFileAtomic(join(parent, 'table.md'), markdownTable(resultTable(results)));
      writeFileAtomic(join(parent, 'table.csv'), csvTable(results));
    }
  }
  return { results, interrupted: false };
}

/** Where all runs are taken from elsewhere, nobody else makes it. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UserError(`${path}: cannot make the folder of the comparison: ${messageOf(error)}`);
  }
}

interface Earlier {
  /** In the comparison's own folder. */
  readonly own: readonly EarlierRun[];
  readonly earlier: readonly EarlierRun[];
}

async function runOrTake(
  experiment: Experiment,
  chosen: ChosenMethod,
  there: Earlier,
  options: CompareOptions,
): Promise<FinishedRun> {
  const taken = runToTake(experiment, chosen, there);
  if (taken === undefined) return runPrepared(experiment, chosen, options);
  const { folder, result, data } = taken;
  if (result === undefined) return resumeRun(experiment, folder, options);
  const unchecked = data === undefined ? ` (${uncheckedData})` : '';
  options.observer?.note(`${nameOf(experiment, chosen)}: is finished in ${folder}${unchecked}`, 'always');
  return { folder, interrupted: false, result };
}

/** A run that is finished, else one to go on with. Throws a UserError if there are some, all on other data. */
function runToTake(
  experiment: Experiment,
  chosen: ChosenMethod,
  { own, earlier }: Earlier,
): EarlierRun | undefined {
  const wanted = runConfigOf(experiment, chosen.method);
  const done = earlier.filter(({ config, result }) => result !== undefined && isSameRun(config, wanted));
  const begun = own.filter((run) => canGoOn(run, wanted));
  const here = identityOf(experiment.dataset);
  return onSameData([...done, ...begun], wanted, here, nameOf(experiment, chosen));
}

function nameOf({ config }: Experiment, { method }: ChosenMethod): string {
  return `${labelOf(method)}, seed ${config.seed}`;
}

/** The experiment with another seed: which images are selected or held out depends on it too. */
async function withSeed(experiment: Experiment, seed: number): Promise<Experiment> {
  const { config, dataset } = experiment;
  if (seed === config.seed) return experiment;
  const { trainImages, testImages, validation } = config.data;
  const isDrawn = [trainImages, testImages, validation].some((option) => option !== undefined);
  return {
    ...experiment,
    config: { ...config, seed },
    dataset: isDrawn ? await loadDataset(config.data, seed) : dataset,
  };
}

import { existsSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { identityOf } from '../data/identity.js';
import { loadDataset } from '../data/registry.js';
import { messageOf, UserError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { checkGiven } from '../core/given.js';
import { writeJson } from '../core/json-file.js';
import { comparedMethods, comparedSeeds } from '../config/config.js';
import { labelOf } from '../config/method-config.js';
import { canGoOn, findRuns, isOnSameData, isSameRun, onSameData, type EarlierRun } from './earlier-runs.js';
import type { ChosenMethod } from '../measure/memory/choose-cuts.js';
import type { RunConfig } from './folder.js';
import { experimentSchema, parentSchema } from './forms.js';
import { resumeRun } from './resume.js';
import { uncheckedData } from './data.js';
import { placed, type RunObserver, type RunPlace } from './observer.js';
import { prepareMethod } from './prepare-method.js';
import { runPrepared, type FinishedRun, type RunOptions } from './run.js';
import { runConfigOf } from './run-config.js';
import { type Experiment } from './experiment.js';
import type { FailedRun } from './outcome.js';
import { ownWays, type ComparedRun } from './summary.js';
import { csvTable, methodRecords, resultMarkdown } from './table.js';
import { writing } from './write-failure.js';

/** Where a comparison is recorded, and which runs it takes as they are. */
export interface CompareOptions extends RunOptions {
  /** Folders of earlier runs or comparisons, whose finished runs are taken. */
  readonly from?: readonly string[];
  /** Whether runs of `parent` that failed are tried again. */
  readonly retry?: boolean;
  /** Where its runs stand among those of several comparisons; by default it is the only one. */
  readonly among?: { readonly before: number; readonly of: number };
}

/** What a comparison came to. */
export interface Comparison {
  /** One for each seed and method that was trained to its end, seed after seed, the methods in the config's order. */
  readonly results: readonly ComparedRun[];
  /** Those that failed, now or before. Their `folder` is relative, as the results'. */
  readonly failed: readonly FailedRun[];
  /** Of what was thrown now, all that is no UserError: defects, of this program or of a plugin. */
  readonly defects: readonly unknown[];
  /** Whether a signal ended it before its last run. */
  readonly interrupted: boolean;
}

/**
 * Checks every method, then trains a fresh network with each method and each seed, the run folders in `parent`. A run
 * that is finished there, or in one of the folders `from`, is taken as it is; one that was interrupted goes on. One
 * that fails, or has failed before, does not keep the others from theirs. After each run `parent/summary.json`
 * (`{ "runs": [result, …], "failed": [failed run, …], "methods": [figures over the seeds, …] }`), `table.md` and `table.csv` are rewritten with those that are
 * done.
 *
 * @throws UserError before anything is trained, if a run that would be taken is on other data than the experiment's;
 * and as `runExperiment`
 */
export async function compare(experiment: Experiment, options: CompareOptions): Promise<Comparison> {
  checkGiven('compare', { experiment: experimentSchema, options: parentSchema }, { experiment, options });
  const { parent, from = [], observer } = options;
  const prepared: ChosenMethod[] = [];
  for (const method of comparedMethods(experiment.config)) {
    prepared.push(await prepareMethod(experiment, method, options));
  }
  const note = (message: string): void => observer?.note(message, 'always');
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
  const failed: FailedRun[] = [];
  const defects: unknown[] = [];
  const { before, of } = options.among ?? { before: 0, of: seeds.length * prepared.length };
  let number = before;
  for (const seed of seeds) {
    const seeded = await withSeed(experiment, seed);
    for (const chosen of prepared) {
      const place: RunPlace = { number: ++number, of };
      const told = observer && of > 1 ? { ...options, observer: placed(observer, place) } : options;
      const outcome = await runOrTake(seeded, chosen, { own, earlier }, told);
      // A run of an older version did not record what it recomputed, and may have had another name.
      const named = {
        ...{ label: labelOf(chosen.method), ...ownWays(chosen.method) },
        folder: relative(parent, outcome.folder),
      };
      if ('failure' in outcome) {
        failed.push({ ...outcome.failure, ...named });
        if (outcome.thrown !== undefined && !(outcome.thrown instanceof UserError))
          defects.push(outcome.thrown);
      } else {
        if (outcome.interrupted) return { results, failed, defects, interrupted: true };
        if (outcome.result) results.push({ ...outcome.result, ...named });
      }
      writeResults(parent, results, failed);
    }
  }
  return { results, failed, defects, interrupted: false };
}

function writeResults(parent: string, results: readonly ComparedRun[], failed: readonly FailedRun[]): void {
  writing(
    parent,
    () => {
      writeJson(join(parent, 'summary.json'), {
        runs: results,
        ...(failed.length > 0 && { failed }),
        methods: methodRecords(results),
      });
      writeFileAtomic(join(parent, 'table.md'), resultMarkdown(results, failed));
      writeFileAtomic(join(parent, 'table.csv'), csvTable(results, failed));
    },
    'run the same command again: it goes on',
  );
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

interface Failure {
  readonly folder: string;
  readonly failure: FailedRun;
  /** Unless it failed before. */
  readonly thrown?: unknown;
}

async function runOrTake(
  experiment: Experiment,
  chosen: ChosenMethod,
  there: Earlier,
  options: CompareOptions,
): Promise<FinishedRun | Failure> {
  const { observer, retry } = options;
  const what = nameOf(experiment, chosen);
  const taken = runToTake(experiment, chosen, there);
  if (taken?.result !== undefined) {
    const unchecked = taken.data === undefined ? ` (${uncheckedData})` : '';
    observer?.note(`${what}: is finished in ${taken.folder}${unchecked}`, 'always');
    return { folder: taken.folder, interrupted: false, result: taken.result };
  }
  const wanted = runConfigOf(experiment, chosen.method);
  if (taken?.failed !== undefined && retry !== true && isSameBothWays(taken.config, wanted)) {
    observer?.note(`${what}: ${taken.failed.failure}, see ${taken.folder}; --retry tries it again`, 'always');
    return { folder: taken.folder, failure: taken.failed };
  }
  if (taken === undefined) tellOfDropped(what, wanted, there, observer);
  let failure: FailedRun | undefined;
  const listening = { ...options, onFailed: (run: FailedRun): void => void (failure = run) };
  try {
    return taken === undefined || !canGoOn(taken, wanted)
      ? await runPrepared(experiment, chosen, listening)
      : await resumeRun(experiment, taken.folder, listening);
  } catch (thrown) {
    if (failure === undefined) throw thrown;
    observer?.note(`${what}: ${failure.failure}; the comparison goes on`, 'always');
    return { folder: failure.folder, failure: { ...failure, error: messageOf(thrown) }, thrown };
  }
}

/** Says why a run is not taken whose version dropped the last, short batches of epochs: its numbers are others. */
function tellOfDropped(what: string, wanted: RunConfig, { earlier }: Earlier, observer?: RunObserver): void {
  const dropping: RunConfig = { ...wanted, train: { ...wanted.train, lastBatch: 'drop' } };
  const same = earlier.find(({ config }) => isSameRun(config, dropping));
  if (same === undefined || wanted.train.lastBatch === 'drop') return;
  const how = '--set train.lastBatch=drop takes or goes on with it';
  observer?.note(`${what}: ${same.folder} dropped the last batches of its epochs: ${how}`, 'always');
}

/**
 * A run that is finished, else the newest that failed or can be gone on with. Throws a UserError if there are some, all
 * on other data.
 */
function runToTake(
  experiment: Experiment,
  chosen: ChosenMethod,
  { own, earlier }: Earlier,
): EarlierRun | undefined {
  const wanted = runConfigOf(experiment, chosen.method);
  const done = earlier.filter(({ config, result }) => result !== undefined && isSameRun(config, wanted));
  const open = own.filter(
    (run) => canGoOn(run, wanted) || (run.failed !== undefined && isSameBothWays(run.config, wanted)),
  );
  const here = identityOf(experiment.dataset);
  const name = nameOf(experiment, chosen);
  // One that failed has no numbers to keep: on other data, say that without a bad image, it is trained anew.
  const kept = open.filter((run) => run.failed === undefined || isOnSameData(run, wanted, here));
  return onSameData([...done, ...kept], wanted, here, name);
}

/** A run that met a bad image may go on by leaving it out: that is the same one way alone. */
function isSameBothWays(there: RunConfig, here: RunConfig): boolean {
  return isSameRun(there, here) && isSameRun(here, there);
}

function nameOf({ config }: Experiment, { method }: ChosenMethod): string {
  return `${labelOf(method)}, seed ${config.seed}`;
}

/** The experiment with another seed: which images are selected or held out depends on it too. */
async function withSeed(experiment: Experiment, seed: number): Promise<Experiment> {
  const { config, dataset, registry } = experiment;
  if (seed === config.seed) return experiment;
  const { trainImages, testImages, validation } = config.data;
  const isDrawn = [trainImages, testImages, validation].some((option) => option !== undefined);
  return {
    ...experiment,
    config: { ...config, seed },
    dataset: isDrawn ? await loadDataset(config.data, seed, undefined, registry.datasets) : dataset,
  };
}

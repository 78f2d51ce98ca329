import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.js';
import type { ChosenMethod } from '../measure/memory/choose-cuts.js';
import type { Experiment } from './experiment.js';
import { beginRunFolder, hasNothing } from './folder.js';
import { epochsDone, isLonger, refuseOtherRun } from './longer.js';
import { finishedNote, finishedResult, readRunConfig, resumeRun } from './resume.js';
import { runConfigOf } from './run-config.js';
import { beginRun, type FinishedRun, type RunOptions } from './run.js';

/**
 * Trains in exactly that folder: a fresh run where there is nothing in it, else the rest of the run that is, to the same
 * numbers as if it had never ended. So the same command, started again, goes on.
 *
 * @throws UserError where the folder holds a run of another config, whose differing keys are named, or something else;
 * and as `runExperiment` and `resumeRun`
 */
export async function runInto(
  experiment: Experiment,
  chosen: ChosenMethod,
  folder: string,
  options: Omit<RunOptions, 'parent'>,
): Promise<FinishedRun> {
  if (hasNothing(folder)) {
    return beginRun(experiment, chosen, options, (...run) => beginRunFolder(folder, ...run));
  }
  if (!existsSync(join(folder, 'config.yaml'))) {
    throw new UserError(
      `${folder}: is not empty and no run's folder: name a run's, an empty one, or one that is not there`,
    );
  }
  const there = readRunConfig(folder, experiment.registry);
  const here = runConfigOf(experiment, chosen.method);
  const { schedules } = experiment.registry;
  refuseOtherRun(`${folder}: the run`, there, here, { done: epochsDone(folder), schedules });
  if (!isLonger(there, here) && finishedResult(folder) !== undefined)
    options.observer?.note(finishedNote(folder), 'always');
  return resumeRun(experiment, folder, options);
}

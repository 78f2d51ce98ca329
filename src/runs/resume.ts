import { checkpointName, checkpointsOf, listCheckpoints } from '../formats/checkpoint-names.js';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf } from '../data/identity.js';
import { messageOf, UserError } from '../core/errors.js';
import { checkGiven, pathSchema } from '../core/given.js';
import type { MethodConfig } from '../config/method-config.js';
import type { Registry } from '../config/registry.js';
import { asksForBudget } from '../measure/memory/choose-method.js';
import { stringify } from 'yaml';
import { writeFileAtomic } from '../core/files.js';
import { visible } from '../core/visible.js';
import { agreeToTrain } from './agree.js';
import { agreeOnMethod } from './block-ranks.js';
import { positionInWords, type Checkpoint } from './checkpoint/file.js';
import { newestCheckpoint } from './checkpoint/store.js';
import { configDocument, parseConfig } from '../config/config.js';
import { epochsDone, isLonger, refuseOtherRun } from './longer.js';
import { prepareMethod } from './prepare-method.js';
import { metricsColumns, record } from './run.js';
import { updateNames } from './method-strategy.js';
import { runConfigOf } from './run-config.js';
import { experimentSchema, registrySchema, runOptionsSchema } from './forms.js';
import { readRunLog } from './run-log.js';
import { sharesOf, withRunStrategy } from './run-strategy.js';
import { recordedOverrides } from './earlier-defaults.js';
import type { Experiment } from './experiment.js';
import type { RunObserver } from './observer.js';
import type { FinishedRun, RunOptions } from './run.js';
import { readRunData, refuseOtherData } from './data.js';
import { lockRunFolder, openRunFolder, type RunConfig } from './folder.js';
import { finishedResultOf, readRunSummary, type RunResult } from './summary.js';
import { anewCommand, writing } from './write-failure.js';

/**
 * Where a run folder's config is.
 *
 * @throws UserError if the folder is none
 */
export function runConfigPath(folder: string): string {
  const path = join(folder, 'config.yaml');
  if (existsSync(path)) return path;
  throw new UserError(
    `${folder}: not a run folder, there is no config.yaml in it: name the one that "train" printed`,
  );
}

/**
 * Reads the config that a run folder was made with.
 *
 * @param registry what the config can name
 * @throws UserError if it is no run folder or its config is broken
 */
export function readRunConfig(folder: string, registry: Registry): RunConfig {
  checkGiven('readRunConfig', { folder: pathSchema, registry: registrySchema }, { folder, registry });
  const { path, text } = readConfigText(folder);
  return parseRecorded(text, path, registry);
}

function parseRecorded(text: string, path: string, registry: Registry): RunConfig {
  const { method, ...config } = parseConfig(text, path, recordedOverrides(text, path), registry);
  if (method === undefined) throw new UserError(`${path}: not the config of a run: it lists several methods`);
  return { ...config, method };
}

/**
 * What overrides of a run folder's config say what it was trained with where it lacks a key that there is now.
 *
 * @throws UserError if it is no run folder or its config can't be read
 */
export function recordedOverridesOf(folder: string): string[] {
  const { path, text } = readConfigText(folder);
  return recordedOverrides(text, path);
}

function readConfigText(folder: string): { readonly path: string; readonly text: string } {
  const path = runConfigPath(folder);
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw new UserError(`${path}: cannot read the config: ${messageOf(error)}`);
  }
}

/**
 * Reads the result of a run that was trained to its end.
 *
 * @returns undefined where the run has something left to do
 * @throws UserError if the folder's `summary.json` can't be read or is not one
 */
export function finishedResult(folder: string): RunResult | undefined {
  checkGiven('finishedResult', { folder: pathSchema }, { folder });
  const path = join(folder, 'summary.json');
  if (!existsSync(path)) return undefined;
  return finishedResultOf(readRunSummary(path));
}

/** Of a run that is finished. */
export function finishedNote(folder: string): string {
  return `${folder}: this run is finished, there is nothing left to do`;
}

/**
 * Goes on with the run in a folder from its newest whole checkpoint, or from the start if it has none yet, to the same
 * numbers to the last bit as a run that was never interrupted; only times and the memory that the allocator reserved
 * are this process's. A run that is finished is left as it is, unless the config has more epochs: see `refuseOtherRun`.
 *
 * @throws UserError if the folder is no run's, is being trained, was made with another config (the keys are named) or on
 * other data (what differs is named), or none of its checkpoints is whole; and as `runExperiment`
 */
export async function resumeRun(
  experiment: Experiment,
  folder: string,
  options: Omit<RunOptions, 'parent'>,
): Promise<FinishedRun> {
  const forms = { experiment: experimentSchema, folder: pathSchema, options: runOptionsSchema };
  checkGiven('resumeRun', forms, { experiment, folder, options });
  const stored = readRunConfig(folder, experiment.registry);
  const config = runConfigOf(experiment, stored.method);
  const [before, now] = [configDocument(stored), configDocument(config)];
  const { schedules } = experiment.registry;
  refuseOtherRun(`${folder}: the run`, stored, config, { done: epochsDone(folder), schedules });
  refuseOtherData(folder, readRunData(folder), identityOf(experiment.dataset), (message) =>
    options.observer?.note(message, 'always'),
  );
  const release = lockRunFolder(folder);
  try {
    const result = isLonger(stored, config) ? undefined : finishedResult(folder);
    if (result !== undefined) {
      const { ranks, blockRanks } = options;
      if (ranks !== undefined) await agreeToTrain(ranks, experiment, stored.method, true);
      if (blockRanks !== undefined) await agreeOnMethod(experiment, stored.method, blockRanks, true);
      return { folder, interrupted: false, result };
    }
    const checkpoint = findCheckpoint(folder, options.observer);
    if (checkpoint !== undefined) {
      const what = `${folder}: the checkpoint ${positionInWords(checkpoint.position)}`;
      // Parsed like the folder's config, so that both have the keys that came after them.
      const recorded = parseRecorded(stringify(checkpoint.config), what, experiment.registry);
      const { epochs: done, partial } = checkpoint.state;
      refuseOtherRun(what, recorded, config, { done, partial: partial !== undefined, schedules });
      tellOtherEngine(checkpoint, experiment, options.observer);
      const shares = sharesOf(options);
      const { parallel } = configDocument(recorded);
      if (stringify(parallel) !== stringify(now['parallel']) || shares !== (checkpoint.shares ?? shares)) {
        options.observer?.note(
          `${folder}: goes on with batches shared in another way than before: from here on the numbers are of that way`,
        );
      }
    }
    experiment.engine.memory.release();
    const given = withRecordedPlan(stored.method, folder, experiment);
    const { method, recompute } = await prepareMethod(experiment, given, options, checkpoint === undefined);
    return await withRunStrategy(experiment, method, options, (strategy, label, placed) => {
      writing(folder, () => {
        // First, as a run with more epochs than its summary knows of is not finished.
        rmSync(join(folder, 'summary.json'), { force: true });
        // What it goes on with is what the next resumption goes on with.
        if (stringify(before) !== stringify(now)) writeFileAtomic(runConfigPath(folder), stringify(now));
        if (checkpoint !== undefined) setDamagedAside(folder, checkpoint);
      });
      const open = openRunFolder(folder, config, metricsColumns(strategy, experiment), release);
      if (recompute !== undefined) open.log.info(recompute, 'recomputed');
      const run = { folder: open, method, label, strategy, placed, resume: checkpoint?.state };
      return record(experiment, run, options);
    });
  } finally {
    release();
  }
}

/**
 * On the engine that it was measured on, a method goes on recomputing what was chosen there.
 *
 * @throws UserError if what was chosen is not of the method's updates
 */
function withRecordedPlan(method: MethodConfig, folder: string, experiment: Experiment): MethodConfig {
  if (!asksForBudget(method)) return method;
  const log = join(folder, 'log.jsonl');
  const { recomputed } = readRunLog(log);
  if (recomputed?.engineDescription !== experiment.engine.description) return method;
  const [own, planned] = [updateNames(experiment, method), Object.keys(recomputed.plan)];
  if (own.length !== planned.length || own.some((name) => !planned.includes(name))) {
    throw new UserError(
      visible(
        `${log}: its last line "recomputed" is of the updates ${planned.join(', ') || 'none'}, and the run has ${own.join(', ')}: take the line out, and what to recompute is measured anew`,
      ),
    );
  }
  return { ...method, plan: recomputed.plan };
}

/** Undefined if no epoch was finished. */
function findCheckpoint(folder: string, observer: RunObserver | undefined): Checkpoint | undefined {
  const checkpoint = newestCheckpoint(checkpointsOf(folder), (damage) => observer?.note(damage));
  if (checkpoint !== undefined) {
    observer?.note(`${folder}: goes on from the checkpoint ${positionInWords(checkpoint.position)}`);
    return checkpoint;
  }
  if (epochsDone(folder).length > 0) {
    throw new UserError(
      `${folder}: has finished epochs but no checkpoint to go on from; train it anew with: ${anewCommand(folder)}`,
    );
  }
  observer?.note(`${folder}: has no checkpoint yet: starts with the first epoch`);
  return undefined;
}

function tellOtherEngine({ engine }: Checkpoint, experiment: Experiment, observer?: RunObserver): void {
  const { description } = experiment.engine;
  if (engine === description) return;
  observer?.note(
    `the run was on ${engine}, now it is on ${description}: numbers may differ in their last digits`,
  );
}

/** Damaged checkpoints newer than the one in use would count as the newest to keep. */
function setDamagedAside(folder: string, { position }: Checkpoint): void {
  const checkpoints = checkpointsOf(folder);
  for (const newer of listCheckpoints(checkpoints)) {
    if (newer.epochs === position.epochs && newer.batches === position.batches) return;
    const path = join(checkpoints, `${checkpointName(newer)}.json`);
    renameSync(path, `${path}.damaged`);
  }
}

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../core/errors.js';
import type { Registry } from '../local/registry.js';
import { checkpointsOf, listCheckpoints } from './checkpoint/store.js';
import { configDifferences } from '../config/differences.js';
import { without } from '../measure/memory/setting.js';
import { finishedResult, readRunConfig } from './resume.js';
import type { RunConfig } from './folder.js';
import { failedRun, type FailedRun } from './outcome.js';
import type { RunResult } from './summary.js';

/** A run folder that is there already. */
export interface EarlierRun {
  readonly folder: string;
  readonly config: RunConfig;
  /** Undefined if it was not trained to its end. */
  readonly result: RunResult | undefined;
  /** Undefined if it did not fail. */
  readonly failed: FailedRun | undefined;
}

/**
 * The runs in a folder, the newest first: those directly in it, and the folder itself where it is one. Runs that can't
 * be read, or name methods that are not there, are left out, with a note.
 *
 * Throws a UserError if the folder can't be read.
 */
export function findRuns(folder: string, registry: Registry, note: (message: string) => void): EarlierRun[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort().reverse();
  } catch (error) {
    throw new UserError(`${folder}: cannot look for runs: ${messageOf(error)}`);
  }
  return [folder, ...names.map((name) => join(folder, name))]
    .filter((path) => existsSync(join(path, 'config.yaml')))
    .flatMap((path) => {
      try {
        const config = readRunConfig(path, registry);
        return { folder: path, config, result: finishedResult(path), failed: failedRun(path) };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        note(`left out: ${error.message.split('\n')[0]!}`);
        return [];
      }
    });
}

/**
 * Whether two runs come to the same numbers: the same config but for names, and for what a resumed run may have
 * otherwise (`configDifferences`). The engine's name is part of it.
 */
export function isSameRun(there: RunConfig, here: RunConfig): boolean {
  return configDifferences(unnamed(there), unnamed(here)).length === 0;
}

function unnamed({ method, ...config }: RunConfig): object {
  return { ...config, name: '', method: without(method, ['label']) };
}

/** Whether `resumeRun` can go on with it. */
export function canGoOn({ folder, config, result }: EarlierRun, here: RunConfig): boolean {
  return (
    result === undefined &&
    configDifferences(config, here).length === 0 &&
    listCheckpoints(checkpointsOf(folder)).length > 0
  );
}

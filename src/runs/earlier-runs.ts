import { checkpointsOf, listCheckpoints } from '../formats/checkpoint-names.js';
import { dataDifferences } from '../data/identity-difference.js';
import type { DataIdentity } from '../data/identity.js';
import { UserError } from '../core/errors.js';
import type { Registry } from '../config/registry.js';
import { configDifferences } from '../config/differences.js';
import { configDocument } from '../config/config.js';
import { namedOptions } from '../config/method-config.js';
import { finishedResult, readRunConfig } from './resume.js';
import { placeOf, readRunData } from './data.js';
import type { RunConfig } from './folder.js';
import { findRunFolders } from './find.js';
import { failedRun, type FailedRun } from './outcome.js';
import type { RunResult } from './summary.js';
import { visible } from '../core/visible.js';

/** A run folder that is there already. */
export interface EarlierRun {
  readonly folder: string;
  readonly config: RunConfig;
  /** Undefined if it was not trained to its end. */
  readonly result: RunResult | undefined;
  /** What it was trained on; undefined for runs of older versions. */
  readonly data: DataIdentity | undefined;
  /** Undefined if it did not fail. */
  readonly failed: FailedRun | undefined;
}

/**
 * The runs in a folder, the newest first: those directly in it, and the folder itself where it is one. Runs that can't
 * be read, or name methods that are not there, are left out, with a note.
 *
 * @throws UserError if the folder can't be read
 */
export function findRuns(folder: string, registry: Registry, note: (message: string) => void): EarlierRun[] {
  return findRunFolders([folder], 1)
    .reverse()
    .flatMap((path) => {
      try {
        const config = readRunConfig(path, registry);
        return {
          ...{ folder: path, config, data: readRunData(path) },
          ...{ result: finishedResult(path), failed: failedRun(path) },
        };
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
  return { ...config, name: '', method: namedOptions(method) };
}

/** Whether `resumeRun` can go on with it. */
export function canGoOn({ folder, config, result }: EarlierRun, here: RunConfig): boolean {
  return (
    result === undefined &&
    configDifferences(configDocument(config), configDocument(here)).length === 0 &&
    listCheckpoints(checkpointsOf(folder)).length > 0
  );
}

/** What differs in the data of a run and the data that is here; of an older version, which did not record it, its place. */
function otherData({ data, config }: EarlierRun, wanted: RunConfig, here: DataIdentity): string[] {
  if (data !== undefined) return dataDifferences(data, here);
  const [there, now] = [placeOf(config.data), placeOf(wanted.data)];
  return there === now ? [] : [`${there} there, ${now} here, and what was there is not recorded`];
}

/** Whether a run with the config that is wanted is on the data that is here. */
export function isOnSameData(run: EarlierRun, wanted: RunConfig, here: DataIdentity): boolean {
  return otherData(run, wanted, here).length === 0;
}

/**
 * Of runs with the config that is wanted the first on the data that is here, wherever that lay; else the first of an
 * older version, which did not record its data: if that is one's own, then at the same path.
 * @param what is to be trained, for the message
 * @throws UserError, one line that names what differs, if there are runs and all of them are on other data
 */
export function onSameData(
  runs: readonly EarlierRun[],
  wanted: RunConfig,
  here: DataIdentity,
  what: string,
): EarlierRun | undefined {
  const same = runs.filter((run) => isOnSameData(run, wanted, here));
  if (same.length > 0) return same.find(({ data }) => data !== undefined) ?? same[0];
  const [first] = runs;
  if (first === undefined) return undefined;
  throw new UserError(
    visible(
      `${first.folder}: holds ${what}, trained on other data: ${otherData(first, wanted, here).join('; ')}: name another --out, leave out a --from that has it, or put the data back as it was`,
    ),
  );
}

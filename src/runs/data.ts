import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dataDifferences } from '../data/identity-difference.js';
import { dataIdentitySchema, type DataIdentity } from '../data/identity.js';
import { officialNames } from '../data/options.js';
import { UserError } from '../core/errors.js';
import { readJson, writeJson } from '../core/json-file.js';
import { visible } from '../core/visible.js';

/** Where a run folder tells the data that its run is trained on. */
export function dataPathOf(folder: string): string {
  return join(folder, 'data.json');
}

export function writeRunData(path: string, identity: DataIdentity): void {
  writeJson(path, identity);
}

/**
 * The data that a run folder's run is trained on; undefined for runs of older versions, which did not record it.
 * Throws a UserError if the file is not what `writeRunData` wrote.
 */
export function readRunData(folder: string): DataIdentity | undefined {
  const path = dataPathOf(folder);
  return existsSync(path) ? readJson(path, dataIdentitySchema, 'the data set of the run') : undefined;
}

/** Of a run whose data cannot be compared with what is there. */
export const uncheckedData =
  'an older version did not record what data it was trained on, so that is not checked';

/**
 * Compares what a run was trained on with what is there, whatever the paths.
 * @param there as recorded
 * @param note told where nothing is recorded
 * @throws UserError, one line, naming what differs
 */
export function refuseOtherData(
  folder: string,
  there: DataIdentity | undefined,
  here: DataIdentity,
  note: (message: string) => void,
): void {
  if (there === undefined) {
    note(`${folder}: ${uncheckedData}`);
    return;
  }
  const differences = dataDifferences(there, here);
  if (differences.length === 0) return;
  throw new UserError(
    visible(
      `${folder}: the run is of other data than is here now: ${differences.join('; ')}: put the data back as it was, or train anew`,
    ),
  );
}

/** What older runs on data of one's own are told apart by: its path, absolute. Empty for other data. */
export function placeOf({ name, file, dir }: Place): string {
  if (officialNames.some((official) => official === name)) return '';
  return [file, dir]
    .map((path) => (typeof path === 'string' ? resolve(path) : ''))
    .join(' ')
    .trim();
}

interface Place {
  readonly name: string;
  readonly file?: unknown;
  readonly dir?: unknown;
}

import type { z } from 'zod';
import { UserError } from '../core/errors.js';
import { showValue } from '../core/schema-problems.js';
import { visible } from '../core/visible.js';

/** A file that a config names, and the SHA-256 that a run folder recorded of it. */
export interface RecordedFile {
  /** Where the config names it. */
  readonly place: string;
  readonly path: string;
  readonly what: 'file' | 'checkpoint';
  /** None was: any will do. */
  readonly recorded: string | undefined;
  /** What to do where it is another. */
  readonly remedy: string;
}

/** @throws UserError if the SHA-256 found is not the one recorded */
export function refuseOtherContent(
  found: string,
  { place, path, what, recorded, remedy }: RecordedFile,
): void {
  if (recorded === undefined || found === recorded) return;
  throw new UserError(
    visible(
      `${place}: ${path} is not the ${what} that was recorded: its SHA-256 is ${found}, not ${recorded}; ${remedy}`,
    ),
  );
}

/** Says of what is neither a path nor a map what the key takes: the error of the schema of the map. */
export function orMap(path: string, map: string): (issue: z.core.$ZodRawIssue) => string | undefined {
  return ({ code, input }) =>
    code === 'invalid_type' ? `must be ${path}, or a map ${map}, not ${showValue(input)}` : undefined;
}

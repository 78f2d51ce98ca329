import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { messageOf, UserError } from './errors.js';
import { writeFileAtomic } from './files.js';
import { check, formatPath } from './schema-problems.js';

/** Writes plain data as JSON, whole or not at all; lists of numbers take a line each. */
export function writeJson(path: string, value: unknown): void {
  // No text has such line breaks in it: there they are escaped.
  const text = JSON.stringify(value, null, 2).replaceAll(/\[(\n +(?:[-+.\de]+|null),?)+\n +\]/g, (list) =>
    list.replaceAll(/,\n +/g, ', ').replaceAll(/\n +/g, ''),
  );
  writeFileAtomic(path, `${text}\n`);
}

/**
 * Reads plain data. `what` the file is, for messages: `the summary`.
 * @throws UserError if it can't be read or is not of the schema's form
 */
export function readJson<T>(path: string, schema: z.ZodType<T>, what: string): T {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path}: cannot read ${what}: ${messageOf(error)}`);
  }
  const result = check(schema, document);
  if ('value' in result) return result.value;
  const { path: place, message } = result.problems[0]!;
  throw new UserError(`${path}: ${formatPath(place)}: ${message}`);
}

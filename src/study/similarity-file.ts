import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { checkGiven, pathSchema } from '../core/given.js';
import { engineNames } from '../engine/engine.js';
import { readJson, writeJson } from '../core/json-file.js';
import { writing } from '../runs/write-failure.js';

const run = z.strictObject({ folder: z.string(), label: z.string(), network: z.string() });

const similaritySchema = z
  .strictObject({
    a: run,
    b: run,
    /** Names, in the networks' order. */
    unitsA: z.array(z.string()).min(1),
    unitsB: z.array(z.string()).min(1),
    /**
     * `similarity[i][j]`: linear CKA of unit i of a and unit j of b, at most 1 (but for rounding); unrelated features
     * may come out a little below 0. null where a unit's features do not vary.
     */
    similarity: z.array(z.array(z.number().max(1.001).nullable())),
    /** What the images are of. */
    evaluatedOn: z.enum(['test', 'validation']),
    images: z.int().min(1),
    /** Images a batch, of the estimator. */
    batchSize: z.int().min(4),
    seed: z.int(),
    engine: z.enum(engineNames),
  })
  .refine(
    ({ unitsA, unitsB, similarity }) =>
      similarity.length === unitsA.length && similarity.every((row) => row.length === unitsB.length),
    { path: ['similarity'], error: 'must have a row for each of unitsA and a column for each of unitsB' },
  );

/** How alike the units of two runs are: a run folder's `cka-<other run>.json`. */
export type SimilarityReport = z.infer<typeof similaritySchema>;

/** Writes into the folder of run a. `other` is the name of b's folder. */
export function writeSimilarity(folder: string, other: string, report: SimilarityReport): string {
  const path = join(folder, `cka-${other}.json`);
  writing(path, () => writeJson(path, report));
  return path;
}

/**
 * Reads every `cka-<other run>.json` of a run folder.
 *
 * @throws UserError if the folder cannot be read, or one is of another form
 */
export function readSimilarities(folder: string): SimilarityReport[] {
  checkGiven('readSimilarities', { folder: pathSchema }, { folder });
  return filesIn(folder)
    .filter((name) => /^cka-.*\.json$/.test(name))
    .sort()
    .map((name) => readJson(join(folder, name), similaritySchema, 'the similarities'));
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new UserError(`${folder}: cannot read the folder: ${messageOf(error)}`);
  }
}

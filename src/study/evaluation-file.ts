import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../core/json-file.js';
import { writing } from '../runs/write-failure.js';
import type { RunEvaluation } from './evaluate-run.js';

const share = z.number().min(0).max(1);
const count = z.int().min(0);

const evaluationSchema = z
  .object({
    /** Epochs that the run had finished: after more of them it says nothing of the network. */
    epochs: z.int().min(1),
    evaluatedOn: z.enum(['test', 'validation']),
    classes: z.array(z.string()).min(1),
    /** Images by true class (row) and by answer (column). */
    counts: z.array(z.array(count)).min(1),
    images: count,
    accuracy: share,
    top5: share.exactOptional(),
    /** Of plugins, by their names. */
    metrics: z.record(z.string(), z.number()).exactOptional(),
    /** Where the weights are averages. */
    weights: z.literal('averaged').exactOptional(),
  })
  .refine(
    ({ classes, counts }) =>
      counts.length === classes.length && counts.every((row) => row.length === classes.length),
    { path: ['counts'], error: 'must have a row and a column for each class' },
  );

/** Which classes a run's network takes for which, on the split that it was evaluated on: a run folder's `evaluation.json`. */
export type EvaluationRecord = z.infer<typeof evaluationSchema>;

const pathIn = (folder: string): string => join(folder, 'evaluation.json');

/**
 * Records an evaluation for the report, where it is of the run's own weights and of what training evaluated on.
 *
 * @param epochs that the run has finished
 * @throws WriteFailure if the folder cannot be written to
 */
export function recordEvaluation(folder: string, evaluation: RunEvaluation, epochs: number): void {
  const { evaluatedOn, data, bestEpoch, images } = evaluation;
  if (evaluatedOn === 'train' || data !== undefined || bestEpoch !== undefined || images === 0) return;
  const record = evaluationSchema.parse({ ...withoutUndefined(evaluation), epochs });
  const path = pathIn(folder);
  writing(path, () => writeJson(path, record));
}

const withoutUndefined = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));

/**
 * Reads it back.
 *
 * @param epochs that the run has finished now
 * @returns undefined where there is none of the network as it is
 * @throws UserError if it is of another form
 */
export function readEvaluation(folder: string, epochs: number): EvaluationRecord | undefined {
  const path = pathIn(folder);
  if (!existsSync(path)) return undefined;
  const record = readJson(path, evaluationSchema, 'the evaluation');
  return record.epochs === epochs ? record : undefined;
}

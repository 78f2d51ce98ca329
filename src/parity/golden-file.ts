import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { check, formatPath } from '../core/schema-problems.js';

const tensorSummary = z.object({
  shape: z.array(z.int().positive()),
  l2: z.number(),
});

/** One run of the published PyTorch code: which, and what came out. Keys that are not read are let through. */
const goldenFileSchema = z.object({
  method: z.string(),
  layers: z.int(),
  K: z.int().min(1),
  depth: z.int().min(0),
  batch: z.int().positive(),
  steps: z.int().positive(),
  options: z.record(z.string(), z.unknown()),
  /** By step, the value of each backward call in its order. */
  loss_trace: z.array(z.array(z.number()).min(1)).min(1),
  /** By image. */
  eval_logits: z.array(z.array(z.number()).min(1)).min(1),
  /** After the last step, by published name. */
  parameters: z.record(z.string(), tensorSummary),
  /** The backbone's running statistics. */
  running: z.record(z.string(), z.object({ l2: z.number() })),
});

export type GoldenFile = z.infer<typeof goldenFileSchema>;

/** Reads a file of golden numbers. Throws a UserError if it is missing or not of that form. */
export function readGoldenFile(path: string): GoldenFile {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path}: ${messageOf(error)}`, { cause: error });
  }
  const result = check(goldenFileSchema, content);
  if ('problems' in result) {
    const { path: where, message } = result.problems[0]!;
    throw new UserError(`${path}: ${where.length > 0 ? `${formatPath(where)}: ` : ''}${message}`);
  }
  const { steps, loss_trace: trace } = result.value;
  if (trace.length !== steps) {
    throw new UserError(`${path}: loss_trace: has ${trace.length} steps, but steps is ${steps}`);
  }
  return result.value;
}

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, UserError } from '../../errors.js';

const tensorSummary = z.object({
  shape: z.array(z.int().positive()),
  l2: z.number(),
  mean: z.number(),
  head: z.array(z.number()),
});

/** One run of the published PyTorch code: which, and what came out. Keys that are not read are let through. */
const goldenFileSchema = z.object({
  method: z.string(),
  layers: z.int(),
  K: z.int(),
  depth: z.int(),
  batch: z.int().positive(),
  steps: z.int().positive(),
  options: z.record(z.string(), z.unknown()),
  /** By step, the value of each backward call in its order. */
  loss_trace: z.array(z.array(z.number())),
  eval_logits: z.array(z.array(z.number())),
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
  const result = goldenFileSchema.safeParse(content);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new UserError(`${path}: ${issue.path.join('.')}: ${issue.message}`);
  }
  return result.data;
}

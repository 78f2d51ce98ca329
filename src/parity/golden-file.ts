import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { check, formatPath } from '../core/schema-problems.js';

const lossTrace = z.array(z.array(z.number()).min(1)).min(1);
const logits = z.array(z.array(z.number()).min(1)).min(1);

const tensorSummary = z.strictObject({
  /** PyTorch's; that of a scalar is empty. */
  shape: z.array(z.int().positive()),
  l2: z.number(),
  mean: z.number().exactOptional(),
  /** The first two values, row by row, or the one of a scalar; some files call them `head`. */
  first: z.array(z.number()).exactOptional(),
  head: z.array(z.number()).exactOptional(),
  /** Not those of a momentum net. */
  trained: z.boolean().exactOptional(),
});

/** The same program in double precision: such files are sharp, made where rounding is not amplified. */
const float64 = z.strictObject({
  note: z.string().exactOptional(),
  loss_trace: lossTrace,
  eval_logits: logits,
  /** By group of numbers, the largest relative difference of the file from double precision. */
  distance: z
    .strictObject({ loss: z.number(), logits: z.number(), parameters: z.number(), running: z.number() })
    .exactOptional(),
});

/** One run of the published PyTorch code: which, and what came out. */
const goldenFileSchema = z.strictObject({
  method: z.string(),
  layers: z.int(),
  K: z.int().min(1),
  depth: z.int().min(0),
  batch: z.int().positive(),
  steps: z.int().positive(),
  learning_rate: z.number().positive().default(0.05),
  weight_decay: z.number().min(0).default(1e-4),
  options: z.record(z.string(), z.unknown()),
  /** How every parameter starts. */
  init: z.literal('xorshift32(crc32(name))').exactOptional(),
  dtype: z.enum(['float32', 'float64']).exactOptional(),
  /** The program that was run, and what its names mean: for people. */
  source: z.string().exactOptional(),
  notes: z.string().exactOptional(),
  /** By step, the value of each backward call in its order. */
  loss_trace: lossTrace,
  /** By image. */
  eval_logits: logits,
  /** After the last step, by published name. */
  parameters: z.record(z.string(), tensorSummary),
  /** The running statistics of all that evaluation uses. */
  running: z.record(z.string(), z.strictObject({ l2: z.number() })),
  float64: float64.exactOptional(),
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
  const { steps, loss_trace: trace, eval_logits: logits, float64 } = result.value;
  if (trace.length !== steps) {
    throw new UserError(`${path}: loss_trace: has ${trace.length} steps, but steps is ${steps}`);
  }
  if (float64 !== undefined) {
    requireSameRows(`${path}: float64.loss_trace`, float64.loss_trace, 'loss_trace', trace);
    requireSameRows(`${path}: float64.eval_logits`, float64.eval_logits, 'eval_logits', logits);
  }
  return result.value;
}

type Rows = readonly (readonly number[])[];

function requireSameRows(where: string, rows: Rows, other: string, otherRows: Rows): void {
  const [lengths, otherLengths] = [rows, otherRows].map((all) => all.map((row) => row.length).join(', '));
  if (lengths !== otherLengths) {
    throw new UserError(`${where}: has rows of ${lengths} numbers, but ${other} of ${otherLengths}`);
  }
}

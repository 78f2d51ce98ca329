import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { gatherBadFiles } from './bad-images.js';
import { recomputeChoices, type RecomputePlan } from '../engine/recompute-choices.js';
import { stepCostSchema, type StepCost } from '../local/step-cost.js';
import type { BadFile } from './summary.js';
import { machineSchema } from '../core/machine.js';
import { runIdentitySchema } from './summary.js';

const time = z.iso.datetime({ offset: true });
const startSchema = z.object({
  ...runIdentitySchema.shape,
  time,
  engineDescription: z.string(),
  dataset: z.string(),
  /** Logs of the first version lack it. */
  machine: machineSchema.exactOptional(),
});
const epochSchema = z.object({ time, epoch: z.int().min(1), epochs: z.int(), steps: z.int() });

const skippedSchema = z.object({
  images: z.array(z.object({ path: z.string(), reason: z.string(), alone: z.literal(true).exactOptional() })),
});

/** What a process wrote down of itself before it trained. */
export type RunStart = z.infer<typeof startSchema>;

const chosenSchema = z
  .object({ recompute: z.enum(recomputeChoices), places: z.int().min(0), kept: z.array(z.int().min(0)) })
  .refine(({ places, kept }) => kept.every((place) => place < places));

/** By its entries: a record of zod's leaves out an update called `__proto__`. */
const planSchema = z
  .custom<object>((value) => typeof value === 'object' && value !== null)
  .transform((plan): unknown => Object.entries(plan))
  .pipe(z.array(z.tuple([z.string(), chosenSchema])))
  .transform((entries): RecomputePlan => Object.fromEntries(entries));

const recomputedSchema = z.object({ plan: planSchema });

/** What a process that trained the run chose to recompute, and on which engine. */
export interface RecordedPlan {
  readonly plan: RecomputePlan;
  readonly engineDescription: string;
}

/** What a run's `log.jsonl` says beyond its other files. */
export interface RunLog {
  /** A line for each process that trained the run: the one that began it, and those that went on with it. */
  readonly starts: readonly RunStart[];
  /** Image files that were left out, each once. */
  readonly badFiles: readonly BadFile[];
  /** What a step takes, where it was counted. */
  readonly cost: StepCost | undefined;
  /** The last choice of what to recompute. */
  readonly recomputed: RecordedPlan | undefined;
  /** The last epoch that was begun. */
  readonly lastEpoch: z.infer<typeof epochSchema> | undefined;
  /** Whether a summary was written after the last start. */
  readonly ended: boolean;
}

/**
 * Reads a run's log. Lines that are none of it are passed over: a run that was killed may leave half a line. Throws a
 * UserError if the file can't be read.
 */
export function readRunLog(path: string): RunLog {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return {
        starts: [],
        badFiles: [],
        cost: undefined,
        recomputed: undefined,
        lastEpoch: undefined,
        ended: false,
      };
    }
    throw new UserError(`${path}: cannot read the log: ${messageOf(error)}`);
  }
  const starts: RunStart[] = [];
  const badFiles = gatherBadFiles();
  let lastEpoch: RunLog['lastEpoch'];
  let ended = false;
  let cost: StepCost | undefined;
  /** Chosen by the process whose start follows. */
  let plan: RecomputePlan | undefined;
  let recomputed: RecordedPlan | undefined;
  for (const line of text.split('\n')) {
    const entry = parsed(line);
    if (entry?.msg === 'start' || entry?.msg === 'resume') {
      const start = startSchema.safeParse(entry).data;
      if (start) {
        starts.push(start);
        if (plan !== undefined) recomputed = { plan, engineDescription: start.engineDescription };
        plan = undefined;
      }
      ended = false;
    } else if (entry?.msg === 'summary') ended = true;
    else if (entry?.msg === 'recomputed') plan = recomputedSchema.safeParse(entry).data?.plan;
    else if (entry?.msg === 'multiply-adds') cost = stepCostSchema.safeParse(entry).data ?? cost;
    else if (entry?.type === 'epoch-start') lastEpoch = epochSchema.safeParse(entry).data ?? lastEpoch;
    else if (entry?.type === 'skipped') badFiles.add(skippedSchema.safeParse(entry).data?.images ?? []);
  }
  return { starts, badFiles: badFiles.all(), cost, recomputed, lastEpoch, ended };
}

function parsed(line: string): { readonly msg?: unknown; readonly type?: unknown } | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

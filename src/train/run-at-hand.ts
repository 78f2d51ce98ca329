import type { Dataset } from '../data/dataset.js';
import type { Loader } from '../data/loader/loader.js';
import type { Share } from '../data/loader/share.js';
import type { Strategy } from '../local/strategy.js';
import type { CapturedEvaluation } from './captured-evaluation.js';
import type { CapturedSteps } from './captured-steps.js';
import type { RunSettings } from './context.js';
import type { DataParallel } from './data-parallel.js';
import type { EpochMetrics } from './events.js';
import { gatherRankUse } from './rank-use.js';
import type { AddUp } from './over-ranks.js';
import type { skippedReporter } from './report-skipped.js';
import type { Optimizer } from './optimizer.js';
import type { StepPlan } from './step.js';
import type { WeightAverage } from './weight-average.js';

/** A training under way. */
export interface Run {
  readonly strategy: Strategy;
  readonly dataset: Dataset;
  readonly options: RunSettings;
  readonly training: Loader;
  readonly testing: Loader;
  readonly optimizer: Optimizer;
  /** Of the weights, where evaluation uses it. */
  readonly average: WeightAverage | undefined;
  readonly plan: StepPlan;
  /** Where steps are captured. */
  readonly captured: CapturedSteps | undefined;
  readonly evaluated: CapturedEvaluation | undefined;
  /** Where ranks train together. */
  readonly parallel: DataParallel | undefined;
  /** Of every batch, where ranks train together. */
  readonly share: Share | undefined;
  /** Over the ranks. */
  readonly addUp: AddUp;
  readonly most: AddUp;
  /** Tells of bad images. */
  readonly report: ReturnType<typeof skippedReporter>;
  /** Those that are finished. */
  readonly epochs: EpochMetrics[];
  /** Whether ranks have agreed to end, after an epoch. */
  stopped: boolean;
  /** Why steps, or evaluations, are not captured after all, as it was told. */
  readonly toldUncaptured: Set<string>;
  /** The losses of the step before, in the updates' order. */
  lastLosses: readonly number[] | undefined;
}

/** Makes the weights those after the last step, on all ranks, and the running statistics those of all images. */
export async function settle({
  parallel,
  average,
}: {
  readonly parallel: Pick<DataParallel, 'settle' | 'averageStatistics'> | undefined;
  readonly average: WeightAverage | undefined;
}): Promise<void> {
  if (parallel === undefined) return;
  await parallel.settle();
  await parallel.averageStatistics();
  if (average === undefined) return;
  average.swap();
  await parallel.averageStatistics().finally(() => average.swap());
}

/** Tells, on all ranks, what each has and takes. */
export async function tellRanks({ strategy, parallel, options }: Run): Promise<void> {
  const { ranks: group, engine, onEvent } = options;
  if (parallel === undefined || group === undefined) return;
  const trained = new Set(strategy.updates.flatMap(({ variables }) => variables));
  const ranks = await gatherRankUse(group, trained, engine.description, parallel.use);
  onEvent?.({ type: 'ranks', steps: parallel.use.steps, ranks });
}

/** Tells, once, where steps, or evaluations, that were to be captured run as they are. */
export function tellUncaptured(run: Run): void {
  const { captured, evaluated, toldUncaptured: told, options } = run;
  const evaluation = evaluated?.refused();
  const reasons = [captured?.refused(), evaluation && `evaluation: ${evaluation}`];
  for (const reason of reasons) {
    if (reason === undefined || told.has(reason)) continue;
    told.add(reason);
    options.onEvent?.({ type: 'not-captured', reason });
  }
}

/** Whether the run ends here: as its signal says, or as all ranks have agreed. */
export function isStopped({ parallel, stopped, options: { signal } }: Run): boolean {
  return parallel === undefined ? signal?.aborted === true : stopped || parallel.isStopped();
}

/** By the updates' names. */
export function lossesBefore({ strategy, lastLosses }: Run): Record<string, number> {
  return Object.fromEntries((lastLosses ?? []).map((loss, i) => [strategy.updates[i]!.name, loss]));
}

import { setImmediate } from 'node:timers/promises';
import type { Dataset, ImageBatch } from '../data/dataset.js';
import type { Engine } from '../engine/engine.js';
import { scoped } from '../engine/scoped.js';
import { createBatch } from '../local/batch.js';
import { inPrecision, type Strategy } from '../local/strategy.js';
import { feed } from '../train/feed.js';
import { openTrainLoader } from '../train/loaders.js';
import { optimizerOf, type TrainSettings } from '../train/optimizers.js';
import type { OptimizerKind } from '../train/optimizer.js';
import { NotFinite } from '../train/run-update.js';
import { restoreState, type TrainState } from '../train/state.js';
import { planSteps, trainStep } from '../train/step.js';

/** How far the learning rate goes, and in how many steps. */
export interface RangeOptions {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
  /** What training begins with in the place of fresh nets. */
  readonly start?: TrainState | undefined;
  /** Told after each step, of `steps`. */
  readonly onStep?: ((done: number) => void) | undefined;
}

/** What one update's loss says of the learning rate. */
export interface UpdateRange {
  readonly name: string;
  /** After each step, smoothed. */
  readonly losses: readonly number[];
  /** Where the smoothed loss falls fastest over the rate's logarithm; undefined where it never falls. */
  readonly steepest: number | undefined;
  /** Where it is least. */
  readonly least: number;
}

/** A learning-rate range test. */
export interface RateRange {
  /** Of each step that was taken. */
  readonly rates: readonly number[];
  /** In the order of the updates. */
  readonly updates: readonly UpdateRange[];
  /** Whether it ended before its last step, as a loss was no number any more or several times its least. */
  readonly diverged: boolean;
}

/** Of the running mean of losses. */
const smoothing = 0.9;
/** Times its least, a loss has diverged. */
const far = 4;
/** Before so many steps no loss tells anything. */
const settling = 5;

/**
 * Trains for a few steps while the learning rate rises exponentially (the range test of Smith 2017, arXiv 1506.01186),
 * and finds for each update, by itself as it is trained, where its loss falls fastest and where it is least. The
 * strategy is changed by it.
 *
 * @param settings a config's `train` section; schedule and warm-up do not matter
 * @returns fewer rates where training diverged or the signal came
 */
export async function rateRange(
  given: Strategy,
  dataset: Dataset,
  settings: TrainSettings & { readonly seed: number; readonly engine: Engine },
  optimizers: readonly OptimizerKind[],
  { from, to, steps, start, signal, onStep }: RangeOptions,
): Promise<RateRange> {
  const strategy = inPrecision(given, settings.precision ?? 'float32');
  const { updates, network } = strategy;
  const optimizer = optimizerOf(settings, optimizers);
  const plan = planSteps(updates, settings);
  const loader = openTrainLoader(dataset, settings);
  const microBatch = settings.batchSize / (settings.accumulate ?? 1);
  const rates: number[] = [];
  const losses: number[][] = updates.map(() => []);
  const means = updates.map(() => 0);
  let diverged = false;
  try {
    if (start !== undefined) restoreState(strategy, optimizer, start);
    for (let epoch = 1; !isOver(); epoch++) {
      const tally = { batches: 0, waitSeconds: 0, skipped: 0 };
      for await (const batch of feed(loader.batches(epoch), tally, () => {})) {
        const rate = from * (to / from) ** (steps === 1 ? 0 : rates.length / (steps - 1));
        const step = stepOn(batch, rate);
        if (step === undefined) {
          diverged = true;
          break;
        }
        rates.push(rate);
        step.forEach((loss, i) => {
          means[i] = smoothing * means[i]! + (1 - smoothing) * loss;
          losses[i]!.push(means[i]! / (1 - smoothing ** rates.length));
        });
        onStep?.(rates.length);
        diverged = rates.length > settling && losses.some(isFarOff);
        await setImmediate();
        if (isOver()) break;
      }
      if (tally.batches === 0) break;
    }
  } finally {
    optimizer.dispose();
    await loader.close();
  }
  return {
    rates,
    updates: updates.map(({ name }, i) => ({ name, losses: losses[i]!, ...landmarks(rates, losses[i]!) })),
    diverged,
  };

  function isOver(): boolean {
    return diverged || rates.length >= steps || signal?.aborted === true;
  }

  /** Losses before the step; undefined where one is no number. */
  function stepOn({ images, labels }: ImageBatch, rate: number): readonly number[] | undefined {
    try {
      return scoped(() => {
        const { imageShape } = dataset;
        const made = createBatch(
          images,
          labels,
          imageShape,
          network.classes,
          dataset,
          undefined,
          settings.labelSmoothing,
        );
        return trainStep(strategy, plan, optimizer, rate, made, undefined, microBatch).losses;
      });
    } catch (error) {
      if (error instanceof NotFinite) return undefined;
      throw error;
    }
  }
}

/** Losses below zero, as of an update that maximises something, are never far off by this. */
function isFarOff(losses: readonly number[]): boolean {
  return (
    losses.at(-1)! > far * Math.max(Math.min(...losses), Number.MIN_VALUE) && losses.at(-1)! > losses[0]!
  );
}

function landmarks(
  rates: readonly number[],
  losses: readonly number[],
): Pick<UpdateRange, 'steepest' | 'least'> {
  const least = losses.indexOf(Math.min(...losses));
  let [steepest, slope] = [undefined as number | undefined, 0];
  for (let i = 1; i < least; i++) {
    const own = (losses[i + 1]! - losses[i - 1]!) / Math.log(rates[i + 1]! / rates[i - 1]!);
    if (own < slope) [steepest, slope] = [rates[i], own];
  }
  return { steepest, least: rates[least] ?? NaN };
}

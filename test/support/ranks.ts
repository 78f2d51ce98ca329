import tf = require('@tensorflow/tfjs');
import { expect } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import type { BlockPlacement } from '../../src/distributed/blocks/placement.js';
import type { Engine } from '../../src/engine/engine.js';
import type { SafeTensor } from '../../src/formats/safetensors.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import { networkWeights } from '../../src/networks/export.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { withoutMemory } from '../../src/nn/parameters.js';
import { trainBlocks } from '../../src/train/blocks/trainer.js';
import type { ByClass } from '../../src/train/by-class.js';
import type { ConfiguredTraining } from '../../src/train/context.js';
import type { EpochMetrics, TrainEvent } from '../../src/train/events.js';
import type { TrainState } from '../../src/train/state.js';
import { train } from '../../src/train/trainer.js';
import { memoryGroups } from './memory-group.js';
import { noiseDataset } from './noise.js';
import { tinyNetwork } from './tiny.js';

/** Four batches an epoch, the last of two images, and two for evaluation. */
const section = {
  epochs: 2,
  batchSize: 4,
  learningRate: 0.05,
  schedule: 'cosine-steps',
  workers: 0,
} as const;

export interface Trained {
  readonly epochs: readonly EpochMetrics[];
  readonly interrupted: boolean;
  /** The last that was handed out. */
  readonly state: TrainState;
  readonly weights: ReadonlyMap<string, SafeTensor>;
  /** Of each epoch that was trained. */
  readonly byClass: readonly ByClass[];
}

type Changes = Partial<ConfiguredTraining> & { readonly dataset?: Dataset };

async function using<T>(strategies: readonly Strategy[], f: () => Promise<T>): Promise<T> {
  try {
    return await f();
  } finally {
    for (const strategy of strategies) {
      strategy.dispose();
      disposeNetwork(strategy.network);
    }
  }
}

/** A training in one process. */
export function trainedAlone(
  engine: Engine,
  options: StrategyOptionsInput,
  { dataset = noiseDataset, ...changes }: Changes = {},
): Promise<Trained> {
  const strategy = buildStrategy(tinyNetwork(), options);
  return using([strategy], async () => {
    let state: TrainState | undefined;
    const onState = (each: TrainState): void => void (state = each);
    const byClass: ByClass[] = [];
    const onEvent = (event: TrainEvent): void => {
      if (event.type === 'epoch-end') byClass.push(event.byClass);
      changes.onEvent?.(event);
    };
    const options = { ...section, seed: 1, engine, onState, ...changes, onEvent };
    const result = await train(strategy, dataset, options);
    return { ...result, state: state!, weights: networkWeights(strategy.network), byClass };
  });
}

export interface TrainedOnRanks extends Trained {
  /** Messages that came to nothing. */
  readonly left: readonly string[];
  /** What they were told to take, after each epoch's training. */
  readonly told: readonly Extract<TrainEvent, { type: 'ranks' }>[];
}

/** The same training, its blocks on ranks that take turns, its steps captured. */
export function trainedOnRanks(
  engine: Engine,
  options: StrategyOptionsInput,
  placement: BlockPlacement,
  changes: Changes & {
    readonly signals?: readonly AbortSignal[];
    readonly queue?: number;
    readonly transport?: 'bf16';
  } = {},
): Promise<TrainedOnRanks> {
  const { signals = [], queue = 2, dataset = noiseDataset, transport, ...rest } = changes;
  const { groups, ...messages } = memoryGroups(placement.length);
  const strategies = groups.map(() => withoutMemory(() => buildStrategy(tinyNetwork(), options)));
  return using(strategies, async () => {
    let state: TrainState | undefined;
    const onState = (each: TrainState): void => void (state = each);
    const told: TrainedOnRanks['told'][number][] = [];
    const byClass: ByClass[] = [];
    const onEvent = (event: TrainEvent): void => {
      if (event.type === 'ranks') told.push(event);
      if (event.type === 'epoch-end') byClass.push(event.byClass);
      rest.onEvent?.(event);
    };
    const ofAll = { ...rest, onEvent: undefined, resume: undefined };
    const results = await Promise.all(
      groups.map((group, rank) =>
        trainBlocks(
          strategies[rank]!,
          dataset,
          {
            ...{ ...section, captureSteps: true, seed: 1, engine, signal: signals[rank] },
            ...(rank === 0 ? { onState, ...rest, onEvent } : ofAll),
          },
          { group, placement, queue, transport },
        ),
      ),
    );
    const stops = new Set(results.map(({ interrupted }) => interrupted));
    if (stops.size > 1) throw new Error('some ranks were interrupted, others not');
    const { epochs, interrupted, weights } = results[0]!;
    return { epochs, interrupted, state: state!, weights: weights!, byClass, left: messages.left(), told };
  });
}

/** How many blocks a method makes of the tiny network. */
export function blocksOf(options: StrategyOptionsInput): number {
  const strategy = withoutMemory(() => buildStrategy(tinyNetwork(), options));
  strategy.dispose();
  disposeNetwork(strategy.network);
  return strategy.blocks;
}

/** What does not depend on the clock or on where it was computed. */
export function numbersOf(epochs: readonly EpochMetrics[]): object[] {
  return epochs.map(({ epoch, learningRate, trainLoss, evaluationLoss, evaluationAccuracy, ...rest }) => ({
    ...{ epoch, learningRate, trainLoss, evaluationLoss, evaluationAccuracy },
    ...{ updateLosses: rest.updateLosses, updateAccuracies: rest.updateAccuracies },
    skippedImages: rest.skippedImages,
  }));
}

/** The names of tensors that are not the same to the last bit. */
export function differing(
  found: ReadonlyMap<string, SafeTensor>,
  wanted: ReadonlyMap<string, SafeTensor>,
): string[] {
  const bytes = (of: SafeTensor | undefined): Uint8Array =>
    of === undefined
      ? new Uint8Array()
      : new Uint8Array(of.values.buffer, of.values.byteOffset, of.values.byteLength);
  const names = new Set([...found.keys(), ...wanted.keys()]);
  return [...names].filter((name) => !Buffer.from(bytes(wanted.get(name))).equals(bytes(found.get(name))));
}

/** What does not depend on where it was computed is the same, to the last bit. */
export function expectSame(found: Trained, wanted: Trained): void {
  expect(differing(found.state.tensors, wanted.state.tensors)).toEqual([]);
  expect(found.state.counters).toEqual(wanted.state.counters);
  expect(found.state.partial?.imageLosses).toEqual(wanted.state.partial?.imageLosses);
  expect(numbersOf(found.epochs)).toEqual(numbersOf(wanted.epochs));
  // Where a run went on, of the epochs since.
  const since = Math.min(found.byClass.length, wanted.byClass.length);
  expect(found.byClass.slice(-since)).toEqual(wanted.byClass.slice(-since));
  expect(differing(found.weights, wanted.weights)).toEqual([]);
}

/** What the engine holds: tensors, and variables by name. */
export function held(): { readonly tensors: number; readonly variables: number } {
  return {
    tensors: tf.memory().numTensors,
    variables: Object.keys(tf.engine().state.registeredVariables).length,
  };
}

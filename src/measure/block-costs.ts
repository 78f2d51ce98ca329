import type * as tf from '@tensorflow/tfjs';
import { detach } from '../engine/detached.js';
import type { MemoryMeter } from '../engine/engine.js';
import { heldBytes } from '../engine/held-in-bfloat16.js';
import type { Precision } from '../engine/precision.js';
import { scoped } from '../engine/scoped.js';
import { partsOf, type Part } from '../distributed/blocks/part.js';
import { placeBlocks } from '../distributed/blocks/placement.js';
import { noiseBatch } from '../local/noise-batch.js';
import { inPrecision, type Strategy } from '../local/strategy.js';
import { freeStreams, type Streams } from '../local/update.js';
import { networkCounters, networkState } from '../networks/network.js';
import { makeAbsent } from '../nn/absent.js';
import { drawAbsent } from '../nn/parameters.js';
import { addGradients, stepReady, type PendingGradients } from '../train/gradients.js';
import { runUpdate } from '../train/run-update.js';
import type { Optimizer } from '../train/optimizer.js';
import { planSteps } from '../train/step.js';
import { averageWeights } from '../train/weight-average.js';
import { variableBytes } from './memory/measure.js';

/** Of which the shortest counts: what else the machine does makes times longer, never shorter. */
const runs = 3;

/** What one block's part of a training step takes. */
export interface BlockCost {
  /** Forward and backward pass and the optimiser's step. */
  readonly seconds: number;
  /** Of what it trains. */
  readonly parameterBytes: number;
  /** In use between steps: parameters, running statistics, nets, the optimiser's state, averages. */
  readonly heldBytes: number;
  /** The most in use beyond that while it runs: what it reads, makes and hands on. */
  readonly workBytes: number;
  /** Of the features that it hands on; of the last block 0. */
  readonly outBytes: number;
  /** Of all that goes with them to another rank: labels, and images where a later block reads them; of the last block 0. */
  readonly sentBytes: number;
  /**
   * Of what comes back where the next block is on another rank: values of it that its updates follow, and the gradient of
   * its output, where it is trained from there too.
   */
  readonly followedBytes: number;
  /** Whether the next block's first update trains it too. */
  readonly lends: boolean;
}

const noCost: BlockCost = {
  ...{ seconds: 0, parameterBytes: 0, heldBytes: 0, workBytes: 0, outBytes: 0, sentBytes: 0 },
  ...{ followedBytes: 0, lends: false },
};

/** In what a block is measured. */
export interface BlockSetting {
  readonly meter: MemoryMeter;
  readonly batchSize: number;
  readonly optimizer: () => Optimizer;
  /** Whether averages of the weights are held. */
  readonly averaged: boolean;
  /** What features are held in; default: float32. */
  readonly precision?: Precision | undefined;
  /** What features travel as; default: what they are held in. */
  readonly transport?: 'bf16' | undefined;
}

/**
 * Measures what each block's part of a training step takes, on random images, one block in memory at a time.
 *
 * @param bare the strategy, built within `withoutMemory`; it is left as it was
 * @returns of each block, in their order
 * @throws UserError where its blocks cannot be on different ranks
 */
export function measureBlocks(bare: Strategy, setting: BlockSetting): BlockCost[] {
  const strategy = inPrecision(bare, setting.precision ?? 'float32');
  const { blocks, network } = strategy;
  const { batchSize } = setting;
  const batchOf = noiseBatch(network, batchSize, network.seed);
  // Blocks before it have no update of their own: their part is in its own.
  const first = strategy.updates[0]!.apart?.block ?? 0;
  const each = Array.from({ length: blocks - first - 1 }, (_, i) => first + i + 1);
  const parts = partsOf(strategy, placeBlocks(blocks, each));
  const [height, width, channels] = network.imageShape;
  let streams: Streams = scoped(() => ({ x: detach(batchOf().images) }));
  try {
    const costs = parts.map((part, i) => {
      const before = setting.meter.current() - streamBytes(streams);
      const { next, ...cost } = inMemory(part, () => measureBlock(part, setting, batchOf, streams, before));
      freeStreams(streams);
      streams = next;
      const [above, last] = [parts[i + 1], i === parts.length - 1];
      const outBytes = last ? 0 : streamBytes(streams, setting.transport);
      const images = above?.images === true ? batchSize * height * width * channels : 0;
      const sentBytes = last ? 0 : outBytes + 2 * batchSize + images;
      const back =
        part.lends === undefined ? 0 : streamBytes({ back: streams['gradient']! }, setting.transport);
      const followedBytes = variableBytes(part.follows) + back;
      return { ...cost, outBytes, sentBytes, followedBytes, lends: part.lends !== undefined };
    });
    return [...Array.from({ length: first }, () => noCost), ...costs];
  } finally {
    freeStreams(streams);
  }
}

/** Does it while the part's variables have values; its counters are what they were. */
function inMemory<T>({ strategy }: Part, f: () => T): T {
  const { network, counters: ofNets = [] } = strategy;
  const variables = variablesOf(strategy);
  drawAbsent(variables);
  const counters = [...networkCounters(network), ...ofNets];
  const before = counters.map(({ value }) => value);
  try {
    return f();
  } finally {
    counters.forEach((counter, i) => (counter.value = before[i]!));
    variables.forEach(makeAbsent);
  }
}

/**
 * @param given stays the caller's, as `next` does
 * @param before bytes in use without them and without the block
 */
function measureBlock(
  { strategy, lends, trained }: Part,
  { meter, optimizer: makeOptimizer, averaged }: BlockSetting,
  batchOf: ReturnType<typeof noiseBatch>,
  given: Streams,
  before: number,
): Pick<BlockCost, 'seconds' | 'parameterBytes' | 'heldBytes' | 'workBytes'> & { readonly next: Streams } {
  const { updates } = strategy;
  const optimizer = makeOptimizer();
  // The decay does not matter: nothing is changed.
  const average = averaged ? averageWeights(strategy, 0, trained) : undefined;
  const plan = planSteps(updates);
  const run = (): Streams => {
    const batch = batchOf();
    const pending: PendingGradients = new Map();
    let current: Streams = copies(given);
    updates.forEach((update, i) => {
      const { gradients, next } = runUpdate(update, current, batch);
      addGradients(pending, gradients);
      stepReady(pending, plan[i]!.steps, optimizer, 0);
      const { back, ...rest } = next;
      back?.dispose();
      current = rest;
    });
    const lent = lends?.lend();
    if (lent === undefined) return current;
    // What comes back is as large as what is here.
    const gradients = lent.finish(detach(lent.gradient), lends!.below);
    addGradients(pending, new Map(lends!.below.map((variable, i) => [variable, gradients[i]!])));
    stepReady(pending, new Map(lends!.below.map((variable) => [variable, 1])), optimizer, 0);
    return { ...current, gradient: lent.gradient };
  };
  try {
    // The first run, which is not counted, makes what the others reuse.
    freeStreams(scoped(run));
    const heldBytes = meter.current() - before - streamBytes(given);
    let seconds = Infinity;
    let next: Streams = {};
    meter.reset();
    for (let i = 0; i < runs; i++) {
      freeStreams(next);
      const start = performance.now();
      next = scoped(run);
      seconds = Math.min(seconds, (performance.now() - start) / 1000);
    }
    const workBytes = meter.peak() - before - heldBytes;
    return { seconds, parameterBytes: variableBytes(trained), heldBytes, workBytes, next };
  } finally {
    average?.dispose();
    optimizer.dispose();
  }
}

function variablesOf({ network, auxiliary, updates }: Strategy): tf.Variable[] {
  const own = [...networkState(network), ...auxiliary].map(({ variable }) => variable);
  return [...new Set([...own, ...updates.flatMap(({ variables }) => variables)])];
}

function copies(streams: Streams): Streams {
  return Object.fromEntries(Object.entries(streams).map(([name, stream]) => [name, detach(stream)]));
}

function streamBytes(streams: Streams, transport?: 'bf16'): number {
  const tensors: readonly tf.Tensor[] = Object.values(streams);
  return tensors.reduce((sum, each) => sum + (transport === 'bf16' ? 2 * each.size : heldBytes(each)), 0);
}

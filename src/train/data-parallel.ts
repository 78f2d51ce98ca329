import tf = require('@tensorflow/tfjs');
import { GroupFailed, type ProcessGroup } from '../distributed/process-group.js';
import { detach } from '../engine/detached.js';
import type { MemoryMeter } from '../engine/engine.js';
import { withRankSums, type RankSums } from '../engine/rank-sums.js';
import type { Batch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import type { Streams } from '../local/update.js';
import { networkCounters, networkState } from '../networks/network.js';
import { roleOf } from '../nn/parameters.js';
import { addGradients, clippedGradients, freeGradients, stepReady, type Gradients } from './gradients.js';
import { freeStreams, runUpdate } from './run-update.js';
import { newRankTally, type RankTally } from './rank-use.js';
import type { Optimizer } from './sgd.js';
import { stepError, type StepPlan, type StepResult } from './step.js';

/**
 * Training over ranks that have the same weights and a share of every batch each. Gradients are summed update by update,
 * weighted by the shares, while the next updates are computed; an update's optimiser step is put off until its variables
 * are next read, in the step that follows, so that its sum has the time of all other updates to travel. The numbers are
 * those of a process that computes the shares' gradients one after another, with batch normalisation's statistics of each
 * share; or, where these are summed over the ranks in the middle of each update, those of a process with the whole batch.
 */
export interface DataParallel {
  /**
   * Runs one step on this rank's share of a batch.
   *
   * @param makeBatch its tensors may belong to the current tidy scope
   * @param weight how much of the batch the share is, 0…1
   * @param wantsStop whether this rank has been asked to end; `isStopped` tells what all have agreed on
   */
  step(
    makeBatch: () => Batch,
    weight: number,
    learningRate: number,
    wantsStop: boolean,
    meter?: MemoryMeter,
  ): Promise<StepResult>;
  /** Of the steps so far: what was summed, and the time that sums were waited for. */
  readonly use: RankTally;
  /** Takes the optimiser steps that are put off: the weights are then those after the last step. */
  settle(): Promise<void>;
  /** Averages running statistics over the ranks: what is evaluated and kept. */
  averageStatistics(): Promise<void>;
  /** Whether the ranks have agreed to end: on all of them after the same step. */
  isStopped(): boolean;
}

/** An update's gradients on their way, and how its variables are stepped with their sum. */
interface PutOff {
  /** By its number. */
  readonly step: number;
  readonly update: number;
  readonly gradients: Gradients;
  readonly learningRate: number;
  readonly arrived: Promise<void>;
}

/**
 * @param group of ranks whose strategies, optimisers and order of calls are the same
 * @param syncBatchNorm whether batch normalisation takes the statistics of all ranks' shares
 */
export function dataParallel(
  group: ProcessGroup,
  strategy: Strategy,
  plan: StepPlan,
  optimizer: Optimizer,
  syncBatchNorm = false,
): DataParallel {
  const { updates } = strategy;
  const neededBy = lastNeeded(strategy, plan);
  const putOff: PutOff[] = [];
  /** Gradients of variables that a later update changes too. */
  const pending = new Map<tf.Variable, tf.Tensor>();
  for (const counter of [...networkCounters(strategy.network), ...(strategy.counters ?? [])]) {
    counter.share = group.rank;
  }
  let stopped = false;
  const use = newRankTally();
  /** Taken or begun. */
  let steps = 0;

  const send = (update: number, own: Gradients, weight: number, learningRate: number): void => {
    const gradients = new Map(
      [...own].map(([variable, gradient]) => [variable, tf.keep(tf.mul(gradient, weight))] as const),
    );
    freeGradients(own);
    const sums = [...gradients.values()];
    use.bytes += sums.reduce((sum, { size }) => sum + 4 * size, 0);
    const arrived = sums.length === 0 ? Promise.resolve() : group.allReduce(sums, 'sum');
    // Whoever waits for it is told; until then nobody may be.
    arrived.catch(() => undefined);
    putOff.push({ step: steps, update, gradients, learningRate, arrived });
  };

  /** Takes the optimiser steps that are put off from the training step before, of the updates up to that one. */
  const stepUpTo = async (last: number): Promise<void> => {
    for (;;) {
      const [first] = putOff;
      if (first === undefined || first.step === steps || first.update > last) return;
      await waitingFor(first.arrived);
      putOff.shift();
      const { steps: ready, clip } = plan[first.update]!;
      addGradients(pending, clippedGradients(first.gradients, clip));
      stepReady(pending, ready, optimizer, first.learningRate);
    }
  };

  const waitingFor = async (what: Promise<void>): Promise<void> => {
    const start = performance.now();
    await what;
    use.waitSeconds += (performance.now() - start) / 1000;
  };

  const sumsOf = (weight: number): RankSums => ({
    rank: group.rank,
    size: group.size,
    weight,
    sum(values) {
      const start = performance.now();
      group.sumNow([values]);
      use.waitSeconds += (performance.now() - start) / 1000;
      use.bytes += 4 * values.size;
    },
  });

  const free = (): void => {
    for (const { gradients } of putOff.splice(0)) freeGradients(gradients);
    freeGradients(pending);
    pending.clear();
  };

  return {
    use,

    async step(makeBatch, weight, learningRate, wantsStop, meter) {
      steps++;
      const votes = tf.keep(tf.tensor1d([wantsStop ? 1 : 0]));
      const counted = group.allReduce([votes], 'sum');
      counted.catch(() => undefined);
      const losses: number[] = [];
      const peakBytes: number[] = [];
      let streams: Streams = {};
      let current = updates[0];
      // A tidy that waits: what is made in it and not kept is freed at its end.
      const engine = tf.engine();
      const rankSums = syncBatchNorm ? sumsOf(weight) : undefined;
      engine.startScope('a step of data parallel');
      try {
        const batch = makeBatch();
        streams = { x: detach(batch.images) };
        for (const [i, update] of updates.entries()) {
          current = update;
          meter?.reset();
          await stepUpTo(neededBy[i]!);
          const given = streams;
          streams = {};
          const { loss, gradients, next } = withRankSums(rankSums, () => runUpdate(update, given, batch));
          streams = next;
          losses.push(loss);
          send(i, gradients, weight, learningRate);
          if (update.after !== undefined) {
            // It may read later updates' variables, as they are before their steps.
            await stepUpTo(updates.length - 1);
            update.after();
          }
          if (meter !== undefined) peakBytes.push(meter.peak());
        }
        await waitingFor(counted);
        stopped ||= votes.dataSync()[0]! > 0;
        use.steps++;
        use.peakBytes = Math.max(use.peakBytes, ...peakBytes);
      } catch (error) {
        free();
        throw stepError(current!.name, error instanceof GroupFailed ? await error.reason : error, strategy);
      } finally {
        freeStreams(streams);
        for (const update of updates) update.release?.();
        votes.dispose();
        engine.endScope();
      }
      return { losses, peakBytes };
    },

    async settle() {
      steps++;
      try {
        await stepUpTo(updates.length - 1);
      } catch (error) {
        free();
        throw error;
      }
    },

    async averageStatistics() {
      const statistics = statisticsOf(strategy);
      if (statistics.length > 0) await group.allReduce(statistics, 'mean');
    },

    isStopped: () => stopped,
  };
}

/** Of each update, the last one of the step before whose variables it reads, or whose order before those counts. */
function lastNeeded({ updates }: Strategy, plan: StepPlan): readonly number[] {
  const reads = updates.map(
    ({ variables, through = [], follows = [] }) => new Set([...variables, ...through, ...follows]),
  );
  return updates.map((_, i) => {
    const stepped = plan.map(({ steps }) => [...steps.keys()].some((variable) => reads[i]!.has(variable)));
    return Math.max(i, stepped.lastIndexOf(true));
  });
}

/** Running statistics of the network and of the auxiliary nets, each once. */
function statisticsOf({ network, auxiliary }: Strategy): readonly tf.Variable[] {
  const all = [...networkState(network), ...auxiliary].map(({ variable }) => variable);
  return [...new Set(all)].filter((variable) => roleOf(variable) === 'statistics');
}

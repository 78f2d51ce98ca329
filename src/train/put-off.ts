import tf = require('@tensorflow/tfjs');
import { waitingFor, type LinkTally } from '../distributed/blocks/link.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import type { RankSums } from '../engine/rank-sums.js';
import type { Strategy } from '../local/strategy.js';
import { networkCounters, networkState } from '../networks/network.js';
import { roleOf } from '../nn/parameters.js';
import { addGradients, clippedGradients, freeGradients, stepReady, type Gradients } from './gradients.js';
import type { Optimizer } from './optimizer.js';
import type { StepPlan } from './step.js';

/**
 * Optimiser steps of ranks that have the same weights and a share of every batch each: put off until their variables are
 * next read, so that the gradients' sums have the time of all other updates to travel. All ranks make the same calls in
 * the same order.
 */
export interface PutOffSteps {
  /** Begins a training step: what was sent before it is stepped when it is needed. */
  begin(): void;
  /**
   * Sends an update's gradients to be summed; they are given up.
   *
   * @param weight how much of the batch the share is, 0…1
   */
  send(update: number, gradients: Gradients, weight: number, learningRate: number): void;
  /** Takes the steps of the training steps before of what an update reads. */
  before(update: number): Promise<void>;
  /** Takes all steps of the training steps before. */
  beforeAll(): Promise<void>;
  /** Takes all steps: the weights are then those after the last training step. */
  settle(): Promise<void>;
  /**
   * Asks all ranks whether they are to end.
   *
   * @returns the answer, the same on all: whether any wants to
   */
  vote(wantsStop: boolean): Promise<boolean>;
  /** Tells all ranks whether this one wants to end, and comes to whether any wanted to when all were asked before. */
  agreeToStop(wantsStop: boolean): Promise<boolean>;
  /** Until what all were asked last is counted: after a pass nothing of it is under way. */
  counted(): Promise<unknown>;
  /** Sums in the middle of an update: statistics of the whole batch. */
  sumsOf(weight: number): RankSums;
  /** Averages running statistics over the ranks: what is evaluated and kept. */
  averageStatistics(): Promise<void>;
  /** Frees what was sent: where nothing is stepped any more. */
  free(): void;
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
 * @param plan of the strategy's updates; an entry more where its last block is trained from elsewhere too, after them
 * @param tally is told what is summed, and how long sums are waited for
 */
export function putOffSteps(
  group: ProcessGroup,
  strategy: Strategy,
  plan: StepPlan,
  optimizer: Optimizer,
  tally: LinkTally,
): PutOffSteps {
  const neededBy = lastNeeded(strategy, plan);
  const putOff: PutOff[] = [];
  /** Gradients of variables that a later update changes too. */
  const pending = new Map<tf.Variable, tf.Tensor>();
  for (const counter of [...networkCounters(strategy.network), ...(strategy.counters ?? [])]) {
    counter.share = group.rank;
  }
  /** Votes that are being counted. */
  const votes = new Set<tf.Tensor>();
  /** Taken or begun. */
  let steps = 0;

  const stepUpTo = async (last: number): Promise<void> => {
    for (;;) {
      const [first] = putOff;
      if (first === undefined || first.step === steps || first.update > last) return;
      await waitingFor(tally, first.arrived);
      putOff.shift();
      const { steps: ready, clip } = plan[first.update]!;
      addGradients(pending, clippedGradients(first.gradients, clip));
      stepReady(pending, ready, optimizer, first.learningRate);
    }
  };

  const vote = (wantsStop: boolean): Promise<boolean> => {
    const own = tf.keep(tf.tensor1d([wantsStop ? 1 : 0]));
    votes.add(own);
    const counted = group
      .allReduce([own], 'sum')
      .then(() => own.dataSync()[0]! > 0)
      .finally(() => votes.delete(own) && own.dispose());
    counted.catch(() => undefined);
    return counted;
  };
  /** The vote before. */
  let asked = Promise.resolve(false);

  const free = (): void => {
    for (const { gradients } of putOff.splice(0)) freeGradients(gradients);
    freeGradients(pending);
    pending.clear();
    tf.dispose([...votes]);
    votes.clear();
  };

  return {
    begin: () => void steps++,

    send(update, own, weight, learningRate) {
      const gradients = new Map(
        [...own].map(([variable, gradient]) => [variable, tf.tidy(() => tf.keep(tf.mul(gradient, weight)))]),
      );
      freeGradients(own);
      const sums = [...gradients.values()];
      tally.bytes += sums.reduce((sum, { size }) => sum + 4 * size, 0);
      const arrived = sums.length === 0 ? Promise.resolve() : group.allReduce(sums, 'sum');
      // Whoever waits for it is told; until then nobody may be.
      arrived.catch(() => undefined);
      putOff.push({ step: steps, update, gradients, learningRate, arrived });
    },

    before: (update) => stepUpTo(neededBy[update]!),
    beforeAll: () => stepUpTo(plan.length - 1),

    async settle() {
      steps++;
      try {
        await stepUpTo(plan.length - 1);
      } catch (error) {
        free();
        throw error;
      }
    },

    vote,

    agreeToStop(wantsStop) {
      const before = asked;
      asked = vote(wantsStop);
      return before;
    },

    counted: () => asked,

    sumsOf: (weight) => ({
      rank: group.rank,
      size: group.size,
      weight,
      sum(values) {
        const start = performance.now();
        group.sumNow([values]);
        tally.waitSeconds += (performance.now() - start) / 1000;
        tally.bytes += 4 * values.size;
      },
    }),

    async averageStatistics() {
      const statistics = statisticsOf(strategy);
      if (statistics.length > 0) await group.allReduce(statistics, 'mean');
    },

    free,
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

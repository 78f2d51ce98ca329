import tf = require('@tensorflow/tfjs');
import { waitingFor } from '../distributed/blocks/link.js';
import { failureOf, type ProcessGroup } from '../distributed/process-group.js';
import type { MemoryMeter } from '../engine/engine.js';
import { withRankSums } from '../engine/rank-sums.js';
import type { Batch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import { freeStreams } from '../local/update.js';
import { asItIs, type CapturedSteps } from './captured-steps.js';
import { microBatches, runOnParts, type MicroBatch } from './micro-batches.js';
import { putOffSteps, type PutOffSteps } from './put-off.js';
import { newRankTally, stepCount, type RankTally } from './rank-tally.js';
import type { Optimizer } from './optimizer.js';
import { updateError, type StepPlan, type StepResult } from './step.js';

/**
 * Training over ranks that have the same weights and a share of every batch each. Gradients are summed update by update,
 * weighted by the shares, while the next updates are computed; an update's optimiser step is put off until its variables
 * are next read, in the step that follows, so that its sum has the time of all other updates to travel. The numbers are
 * those of a process that computes the shares' gradients one after another, with batch normalisation's statistics of each
 * share; or, where these are summed over the ranks in the middle of each update, those of a process with the whole batch.
 */
export interface DataParallel extends Pick<
  PutOffSteps,
  'settle' | 'averageStatistics' | 'agreeToStop' | 'counted'
> {
  /**
   * Runs one step on this rank's share of a batch.
   *
   * @param makeBatch its tensors may belong to the current tidy scope
   * @param weight how much of the batch the share is, 0…1
   * @param microBatch how many images are run at a time; default: all
   * @param wantsStop whether this rank has been asked to end; `isStopped` tells what all have agreed on
   */
  step(
    makeBatch: () => Batch,
    weight: number,
    learningRate: number,
    wantsStop: boolean,
    meter?: MemoryMeter,
    microBatch?: number,
  ): Promise<StepResult>;
  /** Of the steps so far: what was summed, and the time that sums were waited for. */
  readonly use: RankTally;
  /** Whether the ranks have agreed to end: on all of them after the same step. */
  isStopped(): boolean;
}

/**
 * @param group of ranks whose strategies, optimisers and order of calls are the same
 * @param syncBatchNorm whether batch normalisation takes the statistics of all ranks' shares
 * @param captured of this strategy: computes the updates as they were captured, once they were
 */
export function dataParallel(
  group: ProcessGroup,
  strategy: Strategy,
  plan: StepPlan,
  optimizer: Optimizer,
  syncBatchNorm = false,
  captured?: CapturedSteps,
): DataParallel {
  const { updates } = strategy;
  const use = newRankTally();
  const putOff = putOffSteps(group, strategy, plan, optimizer, use);
  let stopped = false;

  return {
    use,

    async step(makeBatch, weight, learningRate, wantsStop, meter, microBatch) {
      putOff.begin();
      const counted = putOff.vote(wantsStop);
      const losses: number[] = [];
      const peakBytes: number[] = [];
      let parts: readonly MicroBatch[] = [];
      let current = updates[0];
      let step = asItIs;
      let whole = false;
      // A tidy that waits: what is made in it and not kept is freed at its end.
      const engine = tf.engine();
      const rankSums = syncBatchNorm ? putOff.sumsOf(weight) : undefined;
      engine.startScope('a step of data parallel');
      try {
        const batch = makeBatch();
        parts = microBatches(batch, microBatch ?? batch.size).map((part) => ({ part, streams: undefined }));
        const count = stepCount(use, strategy, batch.size);
        step = captured?.begin(batch, parts.length) ?? asItIs;
        for (const [i, update] of updates.entries()) {
          current = update;
          meter?.reset();
          await putOff.before(i);
          const { loss, gradients } = count.during(() =>
            withRankSums(rankSums, () => runOnParts(update, parts, batch.size, step.compute)),
          );
          losses.push(loss);
          putOff.send(i, gradients, weight, learningRate);
          if (update.after !== undefined) {
            // It may read later updates' variables, as they are before their steps.
            await putOff.beforeAll();
            update.after();
          }
          if (meter !== undefined) peakBytes.push(meter.peak());
        }
        whole = true;
        stopped = (await waitingFor(use, counted)) || stopped;
        count.end();
        use.steps++;
        use.peakBytes = Math.max(use.peakBytes, ...peakBytes);
      } catch (error) {
        putOff.free();
        throw updateError(current!.name, await failureOf(error), strategy);
      } finally {
        for (const { streams } of parts) if (streams !== undefined) freeStreams(streams);
        for (const update of updates) update.release?.();
        step.end(whole);
        engine.endScope();
      }
      return { losses, peakBytes };
    },

    settle: () => putOff.settle(),
    averageStatistics: () => putOff.averageStatistics(),
    agreeToStop: (wantsStop) => putOff.agreeToStop(wantsStop),
    counted: () => putOff.counted(),
    isStopped: () => stopped,
  };
}

import { checkGiven } from '../core/given.js';
import type { Engine } from '../engine/engine.js';
import type { Batch } from '../local/batch.js';
import { strategySchema } from '../local/forms.js';
import type { Strategy } from '../local/strategy.js';
import { networkCounters } from '../networks/network.js';
import { engineSchema } from './check-training.js';
import { capturing, playing, type CapturedUpdate } from './captured-update.js';
import { capturedWork } from './captured-work.js';
import { computeUpdate, type ComputeUpdate } from './run-update.js';

/** A strategy's steps: the first as they are, later ones as they were captured. The same bits, without most JavaScript. */
export interface CapturedSteps {
  /**
   * Begins a step.
   *
   * @param batch that it is on
   * @param parts micro-batches that this is cut into
   */
  begin(batch: Pick<Batch, 'sources'>, parts: number): StepUnderWay;
  /** What was captured counts no longer, before another step has done the same. */
  renew(): void;
  /** Why steps run as they are, where that is so. */
  refused(): string | undefined;
}

/** How the updates of a step are computed. */
export interface StepUnderWay {
  /** To be called for every update on each micro-batch, in the same order in every step. */
  readonly compute: ComputeUpdate;
  /**
   * The step is over.
   *
   * @param whole whether all were computed
   * @param livesOn whether what updates have handed out is still there, such as streams for another process
   */
  end(whole: boolean, livesOn?: boolean): void;
}

/** A step that runs as it is. */
export const asItIs: StepUnderWay = { compute: computeUpdate, end: () => {} };

/** Steps before the first that is captured: optimisers make their state, and updates are checked. */
const warmUp = 1;

/**
 * Captures the steps of a strategy, on an engine that can; on others, they run as they are. A step is made again where two
 * did the same, in the same order, with the same numbers but for those of tensors, variables, images and labels. An update
 * that draws random numbers does not, nor one that reads values back, keeps a tensor or sums over ranks in its middle: then
 * all steps run as they are. That updates do the same in every step, and not in two of them by chance, and that `after`
 * and `release` need nothing that `forward` left in JavaScript, is for who asks for this to know.
 *
 * @param engine the one that is in use
 * @param strategy whose updates are computed
 */
export function capturedSteps(engine: Engine, strategy: Strategy): CapturedSteps {
  checkGiven('capturedSteps', { engine: engineSchema, strategy: strategySchema }, { engine, strategy });
  const { name, capture } = engine;
  if (capture === undefined) {
    return { begin: () => asItIs, renew: () => {}, refused: () => `the engine ${name} captures no steps` };
  }
  const counters = [...networkCounters(strategy.network), ...(strategy.counters ?? [])];
  const work = capturedWork<readonly CapturedUpdate[]>(capture, 'steps');
  let begun = 0;

  return {
    begin({ sources }, parts) {
      if (begun++ < warmUp) return asItIs;
      const how = work.begin(`${parts} of ${sources.form}`);
      if (how === undefined) return asItIs;
      if (how.again !== undefined) {
        const { step, known, variables } = how.again;
        return { compute: playing(step, known, variables, counters), end: () => step.abandon() };
      }
      const { anew } = how;
      const updates: CapturedUpdate[] = [];
      return {
        compute: capturing(anew.capture, anew.variables, counters, (update) => updates.push(update)),
        end: (whole, livesOn = false) => anew.end(whole ? updates : undefined, livesOn),
      };
    },
    renew: () => work.renew(),
    refused: () => work.refused(),
  };
}

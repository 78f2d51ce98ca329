import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import { fused } from '../engine/fused/registry.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { outsideTape } from '../engine/tape.js';
import { strategySchema } from '../local/forms.js';
import type { Strategy } from '../local/strategy.js';
import { networkState } from '../networks/network.js';
import { roleOf } from '../nn/parameters.js';
import { keepTensors, type Kept } from './kept.js';

/** Averages of a strategy's weights, to evaluate with. */
export interface WeightAverage {
  /** Takes the weights into the averages: once a training step. */
  update(): void;
  /** Puts the averages in the weights' place, and the weights in theirs; again, it puts both back. Nothing is copied. */
  swap(): void;
  /** Copies of the averages, as an optimiser's state. */
  state(): Kept;
  /**
   * Goes on from such a state.
   *
   * @throws UserError if it is not that of such a strategy, before anything is changed
   */
  restore(state: Kept): void;
  /** Frees the averages, or what stands in their place. */
  dispose(): void;
}

const forms = {
  strategy: strategySchema.pick({ network: true, auxiliary: true, updates: true }),
  decay: z.number().min(0).max(1),
};

/**
 * Exponential moving averages, decay · average + (1 − decay) · weight, from the weights as they are now on: PyTorch's
 * `AveragedModel` with that function, and timm's `ModelEmaV2`. Averaged is whatever an update trains, auxiliary nets
 * among it, and all running statistics, as timm does it; what no update trains, as MAN's momentum nets' weights, is
 * used as it is.
 *
 * @param trained what is, where that is not all that its updates train
 */
export function averageWeights(
  strategy: Strategy,
  decay: number,
  trained?: Iterable<tf.Variable>,
): WeightAverage {
  checkGiven('averageWeights', forms, { strategy, decay });
  const { network, auxiliary, updates } = strategy;
  const statistics = [...networkState(network), ...auxiliary]
    .map(({ variable }) => variable)
    .filter((variable) => roleOf(variable) === 'statistics');
  const variables = [
    ...new Set([...(trained ?? updates.flatMap((update) => update.variables)), ...statistics]),
  ];
  const kept = keepTensors(['average']);
  const averages = (): tf.Variable[] => variables.map((variable) => kept.of(variable).average);
  const move = (momentum: number): void =>
    outsideTape(() => fused().movingAverage(averages(), variables, momentum));
  try {
    move(0);
  } catch (error) {
    kept.dispose();
    throw outOfMemoryIn('the averages of train.ema', 'leave them out, or take a smaller network', error);
  }
  return {
    update: () => move(decay),
    swap() {
      for (const variable of variables) {
        const { average } = kept.of(variable);
        const held = variable.clone();
        variable.assign(average as tf.Tensor);
        average.assign(held);
        held.dispose();
      }
    },
    state: () => kept.state(),
    restore(state) {
      if (variables.some((variable) => !state.has(variable))) {
        throw new UserError('not a state of these averages: some are missing');
      }
      kept.restore(state);
    },
    dispose: () => kept.dispose(),
  };
}

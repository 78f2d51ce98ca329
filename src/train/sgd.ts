import * as tf from '@tensorflow/tfjs';
import type { SgdSettings } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';

/** Everything of SGD but the learning rate, which the schedule gives. */
export type SgdOptions = Omit<SgdSettings, 'learningRate'>;

export interface Optimizer {
  /** Changes the variables in place; the gradients stay the caller's. */
  step(variables: readonly tf.Variable[], gradients: readonly tf.Tensor[], learningRate: number): void;
  dispose(): void;
}

/** SGD with momentum and weight decay on every parameter, as PyTorch defines it. */
export function sgd(options: SgdOptions): Optimizer {
  const momenta = new Map<number, tf.Variable>();
  const momentumOf = (variable: tf.Variable): tf.Variable => {
    let momentum = momenta.get(variable.id);
    if (momentum === undefined) {
      momentum = tf.tidy(() => tf.variable(tf.zerosLike(variable as tf.Tensor), false));
      momenta.set(variable.id, momentum);
    }
    return momentum;
  };
  return {
    step(variables, gradients, learningRate) {
      outsideTape(() =>
        fused().sgd(variables, gradients, variables.map(momentumOf), { ...options, learningRate }),
      );
    },
    dispose() {
      for (const momentum of momenta.values()) momentum.dispose();
      momenta.clear();
    },
  };
}

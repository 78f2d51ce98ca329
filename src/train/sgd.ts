import * as tf from '@tensorflow/tfjs';
import type { SgdSettings } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { setFromTorch, toTorch, type TorchTensor } from '../nn/parameters.js';

/** Everything of SGD but the learning rate, which the schedule gives. */
export type SgdOptions = Omit<SgdSettings, 'learningRate'>;

/** What changes variables by their gradients. */
export interface Optimizer {
  /**
   * Changes the variables in place.
   *
   * @param gradients of the variables, in their order; they stay the caller's
   */
  step(variables: readonly tf.Variable[], gradients: readonly tf.Tensor[], learningRate: number): void;
  /** Copies what it keeps of each variable that it has stepped: its momentum. */
  state(): ReadonlyMap<tf.Variable, TorchTensor>;
  /**
   * Goes on from such a state.
   *
   * @throws Error if a shape differs
   */
  restore(state: ReadonlyMap<tf.Variable, TorchTensor>): void;
  /** Frees what it keeps. */
  dispose(): void;
}

/** SGD with momentum and weight decay on every parameter, as PyTorch's `torch.optim.SGD` defines it. */
export function sgd(options: SgdOptions): Optimizer {
  const momenta = new Map<tf.Variable, tf.Variable>();
  const momentumOf = (variable: tf.Variable): tf.Variable => {
    let momentum = momenta.get(variable);
    if (momentum === undefined) {
      momentum = tf.tidy(() => tf.variable(tf.zerosLike(variable as tf.Tensor), false));
      momenta.set(variable, momentum);
    }
    return momentum;
  };
  return {
    step(variables, gradients, learningRate) {
      outsideTape(() =>
        fused().sgd(variables, gradients, variables.map(momentumOf), { ...options, learningRate }),
      );
    },
    state: () =>
      new Map(
        [...momenta].map(([variable, momentum]) => [
          variable,
          toTorch({ name: variable.name, variable: momentum }),
        ]),
      ),
    restore(state) {
      for (const [variable, value] of state) {
        setFromTorch({ name: variable.name, variable: momentumOf(variable) }, value);
      }
    },
    dispose() {
      for (const momentum of momenta.values()) momentum.dispose();
      momenta.clear();
    },
  };
}

import type * as tf from '@tensorflow/tfjs';
import { evaluationMode, trainingMode, type Mode } from '../../../engine/fused/ops.js';
import type { Unit } from '../../../networks/network.js';
import { forwardThrough, sequential, trainableVariables, type Layer } from '../../../nn/layer.js';
import { childScope, startAs, type Scope } from '../../../nn/parameters.js';
import type { Bridge } from './bridge.js';
import { momentumNet, type MomentumStart } from './momentum-net.js';
import { together } from './together.js';

/** How a chain's momentum net follows its unit, and how the chain starts. */
export interface ChainOptions {
  /** m, 0…1. */
  readonly momentum: number;
  /** With draws of their own, or each net as a copy of its unit. */
  readonly start: MomentumStart;
  /** How many times a step M ← m·M + (1 − m)·unit: 0 leaves M at its initial value for good. */
  readonly updates: number;
}

/**
 * MLAAN's augmenting chain (Zhang et al. 2025): z ← A_0(z) + M(z), z ← A_1(z), …, with nets A_j shaped like units of
 * the network, trained, and a momentum net M shaped like the first of them, which follows it as in MAN's bridge.
 *
 * @param units at least one, each of which reads what the one before it makes
 */
export function augmentingChain(
  scope: Scope,
  units: readonly Unit[],
  { momentum, start, updates }: ChainOptions,
): Bridge {
  const chain = units.map((unit, j) => netLike(childScope(childScope(scope, 'chain'), j), unit, start));
  const { averaged, follows, after } = momentumNet(scope, units[0]!, momentum, start);
  const [first, ...rest] = chain;
  const both = together(first!, averaged);
  const run = (x: tf.Tensor, mode: Mode): tf.Tensor4D => {
    const sum = both.forward(x, mode);
    const output = forwardThrough(rest, sum, mode);
    sum.dispose();
    return output as tf.Tensor4D;
  };
  return {
    trained: sequential(chain),
    averaged,
    follows,
    forward: (x) => run(x, trainingMode),
    evaluate: (x) => run(x, evaluationMode),
    after() {
      for (let update = 0; update < updates; update++) after();
    },
  };
}

function netLike(scope: Scope, unit: Unit, start: MomentumStart): Layer {
  const net = unit.build(scope);
  if (start === 'copied') startAs(trainableVariables([net]), trainableVariables([unit.layer]));
  return net;
}

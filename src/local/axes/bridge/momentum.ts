import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { addOp } from '../../../engine/fused/add.js';
import { evaluationMode, frozenMode, trainingMode } from '../../../engine/fused/ops.js';
import { childScope } from '../../../nn/parameters.js';
import { defineBridge, type BridgeBuilder } from './bridge.js';
import { momentumNet, momentumOptions, type MomentumStart } from './momentum-net.js';

/**
 * MAN's bridge (Su et al. 2024): y = B(x) + M(x), both shaped like the next unit. The bias net B is trained; the
 * momentum net M follows the next unit, M ← m·M + (1 − m)·next, parameters only: its running statistics are its own.
 * Gradients flow through both to x.
 *
 * M starts with a draw of its own: the published code copies the next unit, but then draws all convolutions again, so
 * that B, M and the unit start apart.
 *
 * @param momentum m, 0…1
 * @param start how M starts
 */
export function momentumBridge(momentum: number, start: MomentumStart = 'drawn'): BridgeBuilder {
  return (scope, next) => {
    const trained = next.build(childScope(scope, 'bias'));
    const { averaged, after } = momentumNet(scope, next, momentum, start);
    return {
      trained,
      averaged,
      forward: (x) => joined(trained.forward(x, trainingMode), averaged.forward(x, frozenMode)),
      evaluate: (x) => tf.add(trained.forward(x, evaluationMode), averaged.forward(x, evaluationMode)),
      after,
    };
  };
}

/** a + b, which are both given up: nothing needs them for its gradient. */
export function joined(a: tf.Tensor, b: tf.Tensor): tf.Tensor4D {
  const sum = addOp(a, b);
  tf.dispose([a, b]);
  return sum as tf.Tensor4D;
}

export const momentum = defineBridge({
  name: 'momentum',
  options: z.strictObject(momentumOptions),
  build: (options) => momentumBridge(options.momentum, options.momentumStart),
});

import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { evaluationMode, frozenMode } from '../../../engine/fused/ops.js';
import { sequential } from '../../../nn/layer.js';
import { childScope } from '../../../nn/parameters.js';
import { noOptions } from '../../../core/choice.js';
import { defineBridge, type BridgeBuilder } from './bridge.js';
import { momentumNet, momentumOption } from './momentum-net.js';
import { runsOf } from './together.js';

/** Where a bridge has one net of the two. */
const noNet = sequential([]);

/**
 * The momentum net of MAN's bridge without its bias net, y = M(x): the first half of the paper's ablation, "EMA" alone.
 * The published code has no such setting; all else is as in `momentumBridge`.
 *
 * @param momentum m of M ← m·M + (1 − m)·next, 0…1
 */
export function momentumAloneBridge(momentum: number): BridgeBuilder {
  return (scope, next) => {
    const net = momentumNet(scope, next, momentum, 'drawn');
    return {
      trained: noNet,
      ...net,
      forward: (x) => net.averaged.forward(x, frozenMode) as tf.Tensor4D,
      evaluate: (x) => net.averaged.forward(x, evaluationMode) as tf.Tensor4D,
    };
  };
}

/**
 * The bias net of MAN's bridge without its momentum net, y = B(x): the other half, a trained net of the next unit's
 * shape that learns nothing of that unit.
 */
export const biasAloneBridge: BridgeBuilder = (scope, next) => {
  const trained = next.build(childScope(scope, 'bias'));
  return {
    trained,
    averaged: noNet,
    ...runsOf(trained),
    after: () => {},
  };
};

export const momentumAlone = defineBridge({
  name: 'momentum-alone',
  options: z.strictObject({ momentum: momentumOption }),
  build: (options) => momentumAloneBridge(options.momentum),
});

export const biasAlone = defineBridge({
  name: 'bias-alone',
  options: noOptions,
  build: () => biasAloneBridge,
});

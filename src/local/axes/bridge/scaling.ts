import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { evaluationMode, frozenMode, trainingMode } from '../../../engine/fused/ops.js';
import type { Layer } from '../../../nn/layer.js';
import { childScope, constant, createParameter, type Scope } from '../../../nn/parameters.js';
import { defineBridge, type BridgeBuilder } from './bridge.js';
import { momentumNet, momentumOption } from './momentum-net.js';

/**
 * MAN++'s bridge (Su et al. 2025): y = s · M(x) + b, with the momentum net M of MAN's bridge.
 *
 * From the abstract: the average of the neighbour's parameters, applied as it is, suffers from differences between the
 * features of two blocks, and a learnable scaling bias that balances them stands in for MAN's bias net. Decided here:
 * that s and b are one number a channel, since what differs is feature statistics; that they start as 1 and 0, so that
 * the bridge, whose M starts as a copy, starts as the next unit.
 *
 * @param momentum m of M ← m·M + (1 − m)·next, 0…1
 */
export function scalingBridge(momentum: number): BridgeBuilder {
  return (scope, next) => {
    const trained = channelScaling(childScope(scope, 'scaling'), next.output.channels);
    const { averaged, after } = momentumNet(scope, next, momentum, 'copied');
    return {
      trained,
      averaged,
      forward: (x) => trained.forward(averaged.forward(x, frozenMode), trainingMode) as tf.Tensor4D,
      evaluate: (x) => trained.forward(averaged.forward(x, evaluationMode), evaluationMode) as tf.Tensor4D,
      after,
    };
  };
}

/** `[…, channels]` → weight · x + bias, one of each a channel. */
function channelScaling(scope: Scope, channels: number): Layer {
  const weight = createParameter(scope, 'weight', [channels], constant(1));
  const bias = createParameter(scope, 'bias', [channels], constant(0));
  return {
    parameters: [weight, bias],
    buffers: [],
    forward: (x) => tf.tidy(() => tf.add(tf.mul(x, weight.variable), bias.variable)),
  };
}

export const scaling = defineBridge({
  name: 'scaling',
  options: z.strictObject({ momentum: momentumOption }),
  build: (options) => scalingBridge(options.momentum),
});

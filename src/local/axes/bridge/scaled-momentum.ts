import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { blendOp } from '../../../engine/fused/blend.js';
import { childScope, constant, createParameter } from '../../../nn/parameters.js';
import { defineBridge, type BridgeBuilder } from './bridge.js';
import { momentumNet, momentumOptions, type MomentumStart } from './momentum-net.js';
import { runsOf, together } from './together.js';

/**
 * MAN++'s bridge (Su et al. 2026): y = s · B(x) + (2 − s) · M(x), with the nets of MAN's bridge. The scale s is one
 * trained number, 1 at the start, unbounded, decayed like all that is trained.
 *
 * B, M and the next unit start with draws of their own, as in `momentumBridge`.
 *
 * @param momentum m of M ← m·M + (1 − m)·next, 0…1
 * @param start how M starts
 */
export function scaledMomentumBridge(momentum: number, start: MomentumStart = 'drawn'): BridgeBuilder {
  return (scope, next) => {
    const bias = next.build(childScope(scope, 'bias'));
    const scale = createParameter(scope, 'scale', [], constant(1));
    const share = scale.variable as tf.Variable<tf.Rank.R0>;
    const net = momentumNet(scope, next, momentum, start);
    const trained = { ...bias, parameters: [...bias.parameters, scale] };
    const both = together(trained, net.averaged, (a, b) => {
      const y = blendOp(share, a, b);
      // Nothing needs them for its gradient.
      tf.dispose([a, b]);
      return y;
    });
    return { trained, ...net, ...runsOf(both) };
  };
}

export const scaledMomentum = defineBridge({
  name: 'scaled-momentum',
  options: z.strictObject(momentumOptions),
  build: (options) => scaledMomentumBridge(options.momentum, options.momentumStart),
});

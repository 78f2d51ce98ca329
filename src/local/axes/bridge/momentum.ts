import { z } from 'zod';
import { childScope } from '../../../nn/parameters.js';
import { defineBridge, type BridgeBuilder } from './bridge.js';
import { momentumNet, momentumOptions, type MomentumStart } from './momentum-net.js';
import { runsOf, together } from './together.js';

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
    const net = momentumNet(scope, next, momentum, start);
    return { trained, ...net, ...runsOf(together(trained, net.averaged)) };
  };
}

export const momentum = defineBridge({
  name: 'momentum',
  options: z.strictObject(momentumOptions),
  build: (options) => momentumBridge(options.momentum, options.momentumStart),
});

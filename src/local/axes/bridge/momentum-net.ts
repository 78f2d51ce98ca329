import { fused } from '../../../engine/fused/registry.js';
import { outsideTape } from '../../../engine/tape.js';
import { z } from 'zod';
import type { Unit } from '../../../networks/network.js';
import type { Layer } from '../../../nn/layer.js';
import { childScope, startAs, type Scope } from '../../../nn/parameters.js';
import type { Bridge } from './bridge.js';

/** m in M ← m·M + (1 − m)·next. */
export const momentumOption = z.number().min(0).max(1).default(0.995);

/** How a momentum net starts: with a draw of its own, or as a copy of the next unit. */
export type MomentumStart = 'drawn' | 'copied';

/** The options of a momentum net. */
export const momentumOptions = {
  momentum: momentumOption,
  /** How the momentum net starts: `drawn` as in the published code, or `copied` from the next unit. */
  momentumStart: z.enum(['drawn', 'copied']).default('drawn'),
};

/** A net of the next unit's shape that follows it. */
export function momentumNet(
  scope: Scope,
  next: Unit,
  momentum: number,
  start: MomentumStart,
): { readonly averaged: Layer } & Required<Pick<Bridge, 'follows' | 'after'>> {
  const averaged = next.build(childScope(scope, 'momentum'));
  const averages = averaged.parameters.map(({ variable }) => variable);
  const followed = next.layer.parameters.map(({ variable }) => variable);
  if (start === 'copied') startAs(averages, followed);
  return {
    averaged,
    follows: followed,
    after: () => outsideTape(() => fused().movingAverage(averages, followed, momentum)),
  };
}

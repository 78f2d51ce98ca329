import { tradeOf, type Taken, type Trade } from '../trade.js';
import { frontierOf } from '../../core/frontier.js';
import type { MeasuredVariant, VariantStep } from './measure.js';
import { nameOf } from './variants.js';

/** A variant that fitted, beside BP that recomputes nothing. */
export interface FrontierPoint {
  readonly name: string;
  readonly measured: MeasuredVariant;
  readonly step: VariantStep;
  /** Peak in bytes, and multiply-adds of a step. */
  readonly x: number;
  readonly y: number;
  /** Undefined where BP did not fit. */
  readonly trade: Trade | undefined;
  /** Whether no other takes as little memory and as few multiply-adds, and less of one. */
  readonly isOnFrontier: boolean;
}

/** Sets what was measured against the first, which is BP. */
export function pointsOf(all: readonly MeasuredVariant[]): FrontierPoint[] {
  const bp = all[0]?.step;
  const points = all.flatMap((measured) => {
    const { step, variant } = measured;
    if (step === undefined) return [];
    return [
      {
        ...{ name: nameOf(variant), measured, step },
        ...{ x: step.memory.peakBytes, y: step.multiplyAdds.network + step.multiplyAdds.auxiliary },
        trade: bp && tradeOf(takenBy(step), takenBy(bp)),
      },
    ];
  });
  const frontier = new Set<object>(frontierOf(points));
  return points.map((point) => ({ ...point, isOnFrontier: frontier.has(point) }));
}

function takenBy({ memory, multiplyAdds, seconds }: VariantStep): Taken {
  return {
    ...{ peakMemoryBytes: memory.peakBytes, imagesPerSecond: multiplyAdds.images / seconds },
    multiplyAdds,
  };
}

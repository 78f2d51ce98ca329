import type { MemoryMeter } from '../../engine/engine.js';
import { countMultiplyAdds } from '../../engine/multiply-adds.js';
import type { Place } from '../../engine/recompute.js';
import type { Recompute } from '../../engine/recompute-choices.js';
import { isLastPass } from '../../engine/tape.js';
import { recomputingUpdate, type Strategy } from '../../local/strategy.js';
import { measureStep, type BatchShape, type StepMemory } from './measure.js';

/** A place that was made again. */
export interface PlaceCost {
  /** What it would keep from its forward to its backward pass, beside its input, if it were not. */
  keptBytes: number;
  /** Of making it again. */
  multiplyAdds: number;
}

/** A stretch of an update's time. */
export interface Stretch {
  /** The most in use. */
  readonly peakBytes: number;
  /** The places that would keep something then. */
  readonly open: readonly number[];
}

/** What an update took that recomputes wherever it can. */
export interface UpdateProfile {
  readonly places: readonly PlaceCost[];
  readonly stretches: readonly Stretch[];
}

/** A step in which all updates recompute wherever they can, and each update's stretches of it, by its name. */
export interface PlaceProfile {
  readonly step: StepMemory;
  readonly updates: ReadonlyMap<string, UpdateProfile>;
}

/**
 * Measures a training step place by place.
 *
 * @param meter counts everything that the process holds
 * @param strategy that recomputes nothing of its own
 * @param recompute what every update makes again, wherever it can
 * @param shape of the batch
 */
export function profilePlaces(
  meter: MemoryMeter,
  strategy: Strategy,
  recompute: Recompute,
  shape: BatchShape,
): PlaceProfile {
  const count = countMultiplyAdds();
  const multiplyAdds = (): number => [...count.counted.values()].reduce((sum, each) => sum + each, 0);
  try {
    const updates = new Map<string, UpdateProfile>();
    let stretches: Stretch[] = [];
    let open = new Set<number>();
    /** Since the meter of the whole was begun anew. */
    let most = 0;
    const endStretch = (): void => {
      const peakBytes = meter.peak();
      most = Math.max(most, peakBytes);
      stretches.push({ peakBytes, open: [...open] });
      meter.reset();
    };
    const whole: MemoryMeter = {
      ...meter,
      reset() {
        endStretch();
        most = 0;
      },
      peak() {
        endStretch();
        return most;
      },
    };
    const watched = strategy.updates.map((update) => {
      const places: PlaceCost[] = [];
      const again = recomputingUpdate(update, recompute, (place) => {
        const cost: PlaceCost = { keptBytes: 0, multiplyAdds: 0 };
        places[place] = cost;
        return {
          again: true,
          reached: watchPlace(meter, multiplyAdds, cost, (opens) => {
            endStretch();
            if (opens) open.add(place);
            else open.delete(place);
          }),
        };
      });
      return {
        ...again,
        forward(...args: Parameters<typeof again.forward>) {
          stretches = [];
          open = new Set();
          places.length = 0;
          // The last time is that of the whole batch.
          updates.set(update.name, { places, stretches });
          return again.forward(...args);
        },
      };
    });
    const step = measureStep(whole, { ...strategy, updates: watched }, shape);
    return { step, updates };
  } finally {
    count.close();
  }
}

/** Finds what a place costs; `turn` is told when it would begin to keep something, and when it would free that. */
function watchPlace(
  meter: MemoryMeter,
  multiplyAdds: () => number,
  cost: PlaceCost,
  turn: (opens: boolean) => void,
): NonNullable<Place['reached']> {
  let before = 0;
  let made = { bytes: 0, outputBytes: 0 };
  return (moment, output) => {
    switch (moment) {
      case 'forward':
        before = multiplyAdds();
        turn(true);
        break;
      case 'forward-end':
        cost.multiplyAdds = multiplyAdds() - before;
        break;
      case 'backward':
        turn(false);
        before = meter.current();
        break;
      case 'made':
        made = { bytes: meter.current(), outputBytes: 4 * output!.size };
        break;
      case 'output-freed': {
        const left = meter.current();
        // An output that is kept for its own gradient is the input of what comes next, which keeps it anyway.
        cost.keptBytes = left - before - (left === made.bytes ? made.outputBytes : 0);
        break;
      }
      case 'backward-end':
        // An earlier pass than the last frees nothing.
        turn(!isLastPass());
    }
  };
}

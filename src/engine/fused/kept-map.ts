import type * as tf from '@tensorflow/tfjs';
import { currentTape, savedOf } from '../tape.js';

/** What batch normalisation made a map of. */
export interface Normalised {
  readonly x: tf.Tensor;
  /** γ, β, mean and inverse deviation. */
  readonly norm: readonly tf.Tensor[];
  readonly relu: boolean;
}

/** How a map can be made anew: the same numbers to the last bit. */
export interface MadeAnew {
  /** How many of the tensors that its op saved, the first ones, it is made of. */
  readonly of: number;
  readonly make: (saved: readonly tf.Tensor[]) => tf.Tensor;
  /** Where batch normalisation made it: who can do that while reading needs no map. */
  readonly normalised?: (saved: readonly tf.Tensor[]) => Normalised;
}

interface Origin {
  /** Of the ops on one tape, who read the map goes back before who made it; undefined where no op made it. */
  readonly tape: object | undefined;
  readonly shape: readonly number[];
  readonly saved: readonly tf.Tensor[];
  readonly make: MadeAnew['make'];
  readonly normalised?: MadeAnew['normalised'];
}

/** By the values' identity, which clones share. */
const origins = new WeakMap<object, Origin>();

/** What an op keeps for its backward pass of a map that it reads. */
export interface KeptMap {
  readonly saved: readonly tf.Tensor[];
  /**
   * f of the map, `fresh` where it was made for f and nobody else has it. A map that batch normalisation made is not made anew
   * where `ofNormalised` is given: that is called in place of f, with what it would be made of.
   */
  read<T>(
    saved: readonly tf.Tensor[],
    f: (map: tf.Tensor, fresh: boolean) => T,
    ofNormalised?: (before: Normalised) => T,
  ): T;
}

/** Says how y can be made anew; it does not matter where the op that made y was not recorded just now. */
export function canBeMadeAnew(y: tf.Tensor, { of, ...anew }: MadeAnew): void {
  const tape = currentTape();
  const saved = savedOf(y)?.slice(0, of);
  if (tape !== undefined && saved !== undefined)
    origins.set(y.dataId, { tape, shape: y.shape, saved, ...anew });
}

/** Says how x, which no op of a tape made, can be made anew at any time: a new tensor in the current scope. */
export function canAlwaysBeMadeAnew(x: tf.Tensor, make: () => tf.Tensor): void {
  origins.set(x.dataId, { tape: undefined, shape: x.shape, saved: [], make });
}

/** Keeps x or, where it can be made of what another op of the same tape keeps, or of nothing that is kept, that alone. */
export function keepMap(x: tf.Tensor): KeptMap {
  const origin = origins.get(x.dataId);
  // An inner gradient may have freed what the map was made of.
  const isThere = origin?.saved.every(({ isDisposed }) => !isDisposed) === true;
  const isOfTape = origin?.tape === undefined || origin.tape === currentTape();
  const isAtHand = isThere && isOfTape && origin?.shape.join() === x.shape.join();
  if (origin === undefined || !isAtHand) return { saved: [x], read: ([map], f) => f(map!, false) };
  const { saved, make, normalised } = origin;
  return {
    saved,
    read(kept, f, ofNormalised) {
      if (normalised !== undefined && ofNormalised !== undefined) return ofNormalised(normalised(kept));
      const map = make(kept);
      const result = f(map, true);
      map.dispose();
      return result;
    },
  };
}

import type * as tf from '@tensorflow/tfjs';
import { currentTape, savedOf } from '../tape.js';

/** How a map can be made anew: the same numbers to the last bit. */
export interface MadeAnew {
  /** How many of the tensors that its op saved, the first ones, it is made of. */
  readonly of: number;
  readonly make: (saved: readonly tf.Tensor[]) => tf.Tensor;
}

interface Origin {
  /** Of the ops on one tape, who read the map goes back before who made it. */
  readonly tape: object;
  readonly shape: readonly number[];
  readonly saved: readonly tf.Tensor[];
  readonly make: MadeAnew['make'];
}

/** By the values' identity, which clones share. */
const origins = new WeakMap<object, Origin>();

/** What an op keeps for its backward pass of a map that it reads. */
export interface KeptMap {
  readonly saved: readonly tf.Tensor[];
  /** f of the map; `fresh` where it was made for f, and nobody else has it. */
  read<T>(saved: readonly tf.Tensor[], f: (map: tf.Tensor, fresh: boolean) => T): T;
}

/** Says how y can be made anew; it does not matter where the op that made y was not recorded just now. */
export function canBeMadeAnew(y: tf.Tensor, { of, make }: MadeAnew): void {
  const tape = currentTape();
  const saved = savedOf(y)?.slice(0, of);
  if (tape !== undefined && saved !== undefined) origins.set(y.dataId, { tape, shape: y.shape, saved, make });
}

/** Keeps x or, where another op of the same tape keeps what it can be made of, nothing but that. */
export function keepMap(x: tf.Tensor): KeptMap {
  const origin = origins.get(x.dataId);
  // An inner gradient may have freed what the map was made of.
  const isThere = origin?.saved.every(({ isDisposed }) => !isDisposed) === true;
  const isAtHand = isThere && origin?.tape === currentTape() && origin.shape.join() === x.shape.join();
  if (origin === undefined || !isAtHand) return { saved: [x], read: ([map], f) => f(map!, false) };
  const { saved, make } = origin;
  return {
    saved,
    read(kept, f) {
      const map = make(kept);
      const result = f(map, true);
      map.dispose();
      return result;
    },
  };
}

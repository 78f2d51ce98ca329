import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { roleOf } from '../nn/parameters.js';

/**
 * What weight decay leaves alone: `bias`, the biases of layers; `norm`, scale and shift of normalisations. The layer
 * that made a variable says which it is, not its name.
 */
export const noDecayOption = z.array(z.enum(['bias', 'norm'])).readonly();

/** Which kinds of variables weight decay leaves alone. */
export type NoDecay = readonly ('bias' | 'norm')[];

/** Weight decay, and for what. */
export interface Decay {
  readonly weightDecay: number;
  /** Default: decay is for all. */
  readonly noDecay?: NoDecay | undefined;
}

/** The weight decay of a variable. */
export function decayOf(variable: tf.Variable, { weightDecay, noDecay = [] }: Decay): number {
  const role = roleOf(variable);
  return (noDecay as readonly string[]).includes(role) ? 0 : weightDecay;
}

/** Places of the items by a key of theirs, in order of the first of each. */
export function placesBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, number[]> {
  const places = new Map<Key, number[]>();
  items.forEach((item, i) => {
    const key = keyOf(item);
    const own = places.get(key);
    if (own === undefined) places.set(key, [i]);
    else own.push(i);
  });
  return places;
}

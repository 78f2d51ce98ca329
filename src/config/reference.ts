/** What of a training decides whether it is the one that others are set against. */
export interface ReferenceTraits {
  /** The method's own name, whatever its label. */
  readonly method: string;
  /** What its backward passes make again; nothing where left out. */
  readonly recompute?: unknown;
  /** Micro-batches of its own that its batches are cut into, in place of `train.accumulate`; 1 where left out. */
  readonly accumulate?: number | undefined;
}

/**
 * Whether this is what all other methods are set against: backpropagation that recomputes nothing and takes each batch
 * whole. The name is not enough: BP with gradient checkpointing is a row beside it, not the measure of the others.
 */
export function isReference({ method, recompute = 'none', accumulate = 1 }: ReferenceTraits): boolean {
  return method === 'bp' && recompute === 'none' && accumulate === 1;
}

/** The first of these that is the reference; undefined where none is, as then nothing is to be set against another. */
export function referenceOf<T extends ReferenceTraits>(all: readonly T[]): T | undefined {
  return all.find(isReference);
}

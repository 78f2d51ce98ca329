import type * as tf from '@tensorflow/tfjs';
import type { NativeTensor } from './native.js';

/** What a tensor's data id stands for. Strings stay in JavaScript; everything else is one libtorch tensor. */
export interface Entry {
  readonly native: NativeTensor | undefined;
  /** The shape of `native`, kept here because asking libtorch costs a call. */
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  readonly strings: Uint8Array[] | undefined;
  /** Whether `native` is bfloat16, which TensorFlow.js takes for float32. */
  readonly short: boolean;
  /** Reshaped views asked for outside of scopes; they live as long as the data. */
  views: { readonly shape: readonly number[]; readonly native: NativeTensor }[] | undefined;
  refCount: number;
}

/** The entry's view in a shape: the one that is there, or `make`'s, which it keeps. */
export function viewOf(entry: Entry, shape: readonly number[], make: () => NativeTensor): NativeTensor {
  const known = entry.views?.find((view) => sameShape(view.shape, shape));
  if (known !== undefined) return known.native;
  const native = make();
  (entry.views ??= []).push({ shape, native });
  return native;
}

/** Frees the entry's views: they are made anew when they are asked for next. */
export function freeViews(entry: Entry): void {
  entry.views?.forEach(({ native }) => native.dispose());
  entry.views = undefined;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

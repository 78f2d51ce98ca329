import type { ImageBatch } from './dataset.js';

/** Where the loader's epochs get their batches from; `isCurrent` says whether the asking epoch is still the last begun. */
export interface BatchSource {
  begin(epoch: number, isCurrent: () => boolean, prepare: () => void): void | Promise<void>;
  take(step: number, isCurrent: () => boolean): ImageBatch | Promise<ImageBatch>;
  stop(): void;
  close(): Promise<void>;
}

/** @throws Error if the loader is closed or the epoch has been overtaken */
export function checkUsable(closed: boolean, isCurrent: () => boolean): void {
  if (closed) throw new Error('the data loader is closed');
  if (!isCurrent()) throw new Error('another epoch has begun on this data loader');
}

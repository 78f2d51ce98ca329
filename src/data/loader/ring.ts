import type { BadImage, PixelValues } from '../dataset.js';
import type { BatchBuffers, BatchPlan } from './batch-plan.js';

/**
 * The shared memory in which workers hand batches to the main thread. Batch `step` of an epoch lies in slot
 * `step % slots`. Workers claim steps by counting up `CLAIMED`; a slot may be written once the batch before in it has
 * been handed back, that is while `step − RELEASED < slots`. No thread ever sends a message a batch: a worker that is
 * ahead sleeps on `RELEASED`, and the main thread, when it has to wait, raises `WAITING` and gets one message. Only of
 * a batch with bad images does the worker send what they are, before it says that the batch is ready.
 */
export interface Ring {
  readonly control: Int32Array;
  readonly slots: number;
  /** `[slots, batchSize, height, width, channels]`. */
  readonly images: PixelValues;
  /** `[slots, batchSize]`. */
  readonly labels: Uint16Array;
}

/** What a worker is started with. */
export interface WorkerPlan {
  readonly plan: BatchPlan;
  readonly ring: Ring;
  readonly steps: number;
}

/** Where the number of images in a slot stands. */
export function sizeAt({ slots }: Ring, slot: number): number {
  return READY + slots + slot;
}

/** Counts the epochs begun, also broken-off ones; workers sleep on it between epochs. */
export const RUN = 0;
/** The number of the epoch at hand. */
export const EPOCH = 1;
/** Steps that workers have taken on. */
export const CLAIMED = 2;
/** Batches that the consumer has done with, or STOP. */
export const RELEASED = 3;
/** Workers that have nothing more to do in this run. */
export const IDLE = 4;
/** 1 while the main thread sleeps. */
export const WAITING = 5;
/** From here on, for each slot, 1 + the last step written there in this run; after them, for each, its images. */
export const READY = 6;

/** What a worker sends when it has been waited for: nothing, or bad images that it has found. */
export type WorkerMessage = null | {
  readonly run: number;
  readonly step: number;
  readonly bad: readonly BadImage[];
};

/** In `RELEASED`: the epoch is broken off or over, nobody writes to a slot any more. */
export const STOP = -1;

/** @param images over shared memory, room for a full batch in each slot */
export function createRing(slots: number, batchSize: number, images: PixelValues): Ring {
  return {
    control: new Int32Array(new SharedArrayBuffer(4 * (READY + 2 * slots))),
    slots,
    images,
    labels: new Uint16Array(new SharedArrayBuffer(2 * slots * batchSize)),
  };
}

/** The parts of the ring that slot `slot` holds a full batch in. */
export function slotBuffers(ring: Ring, slot: number): BatchBuffers {
  const imagesLength = ring.images.length / ring.slots;
  const labelsLength = ring.labels.length / ring.slots;
  return {
    images: ring.images.subarray(slot * imagesLength, (slot + 1) * imagesLength),
    labels: ring.labels.subarray(slot * labelsLength, (slot + 1) * labelsLength),
  };
}

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { messageOf, UserError } from '../../core/errors.js';
import type { BatchSource } from './batch-source.js';
import { batchOf, checkUsable } from './batch-source.js';
import type { BadImage, ImageBatch } from '../dataset.js';
import { roomLike } from '../split.js';
import type { BatchBuffers, BatchPlan } from './batch-plan.js';
import { largestShare, shareOf } from './share.js';
import type { Ring, WorkerMessage, WorkerPlan } from './ring.js';
import {
  CLAIMED,
  createRing,
  EPOCH,
  IDLE,
  READY,
  RELEASED,
  RUN,
  sizeAt,
  slotBuffers,
  STOP,
  WAITING,
} from './ring.js';

/** The main thread's side of the ring. */
export class WorkerPool implements BatchSource {
  readonly #plan: BatchPlan;
  readonly #ring: Ring;
  readonly #buffers: readonly BatchBuffers[];
  readonly #workers: readonly Worker[];
  /** Those who sleep until the ring changes, the pool fails or it closes. */
  #sleepers: (() => void)[] = [];
  /** By step of this run, the bad images that workers have found and nobody has asked for yet. */
  readonly #bad = new Map<number, readonly BadImage[]>();
  #failure: Error | undefined;
  #closed = false;

  /** Starts `workers` threads (1 or more) that keep up to `prefetch` batches ready beside the one in use. */
  constructor(plan: BatchPlan, steps: number, workers: number, prefetch: number) {
    this.#plan = plan;
    const [height, width, channels] = plan.imageShape;
    const [slots, room] = [prefetch + 1, largestShare(plan.batchSize, plan.share)];
    const images = roomLike(plan.split, slots * room * height * width * channels);
    const ring = createRing(slots, room, images);
    this.#ring = ring;
    this.#buffers = Array.from({ length: ring.slots }, (_, slot) => slotBuffers(ring, slot));
    const file = workerFile();
    const workerData: WorkerPlan = { plan, ring, steps };
    this.#workers = Array.from({ length: workers }, (_, n) => {
      // No flags of the process: some, such as --input-type, keep a worker from starting.
      const worker = new Worker(file, { workerData, name: `data worker ${n}`, execArgv: [] });
      worker.on('message', (message: WorkerMessage) => this.#receive(message));
      worker.on('error', (error) => this.#fail(asFailure(n, error)));
      worker.on('exit', (code) => this.#fail(new Error(`data worker ${n} stopped with exit code ${code}`)));
      worker.unref();
      return worker;
    });
    Atomics.store(ring.control, IDLE, workers);
  }

  /** Breaks off the epoch before, if it still goes on, lets `prepare` rewrite the plan's order, and starts the next. */
  async begin(epoch: number, first: number, isCurrent: () => boolean, prepare: () => void): Promise<void> {
    const { control } = this.#ring;
    this.stop();
    await this.#until(() => Atomics.load(control, IDLE) === this.#workers.length, isCurrent);
    prepare();
    this.#bad.clear();
    control.fill(0, READY);
    Atomics.store(control, EPOCH, epoch);
    Atomics.store(control, CLAIMED, first);
    Atomics.store(control, RELEASED, first);
    Atomics.store(control, IDLE, 0);
    Atomics.add(control, RUN, 1);
    Atomics.notify(control, RUN);
  }

  /** Batch `step` of the epoch begun last; hands back the one before it. */
  async take(step: number, isCurrent: () => boolean): Promise<ImageBatch> {
    const { control, slots } = this.#ring;
    this.#check(isCurrent);
    Atomics.store(control, RELEASED, step);
    Atomics.notify(control, RELEASED);
    const slot = step % slots;
    await this.#until(() => Atomics.load(control, READY + slot) === step + 1, isCurrent);
    const { split, batchSize, share } = this.#plan;
    const size = Atomics.load(control, sizeAt(this.#ring, slot));
    if (size < shareOf(Math.min(batchSize, split.size - step * batchSize), share).size) {
      // Sent before the batch was ready, but messages come with the next turn of the event loop.
      await this.#until(() => this.#bad.has(step), isCurrent);
    }
    const skipped = this.#bad.get(step) ?? [];
    this.#bad.delete(step);
    return batchOf(this.#plan, this.#buffers[slot]!, size, skipped);
  }

  /** Nothing more is wanted of the epoch at hand. */
  stop(): void {
    Atomics.store(this.#ring.control, RELEASED, STOP);
    Atomics.notify(this.#ring.control, RELEASED);
  }

  /** Whoever still waits for a batch gets an error. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** Waits for a change that the workers report. Only meanwhile do they keep the process alive. */
  async #until(condition: () => boolean, isCurrent: () => boolean): Promise<void> {
    const { control } = this.#ring;
    for (;;) {
      this.#check(isCurrent);
      if (condition()) return;
      Atomics.store(control, WAITING, 1);
      // Again, now that the flag is up: a worker may have been done just before.
      if (condition()) return;
      for (const worker of this.#workers) worker.ref();
      await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    }
  }

  #check(isCurrent: () => boolean): void {
    if (this.#failure) throw this.#failure;
    checkUsable(this.#closed, isCurrent);
  }

  #wake(): void {
    // Once closed, the workers' end is waited for: a late message must not let the process go before.
    if (!this.#closed) for (const worker of this.#workers) worker.unref();
    for (const resume of this.#sleepers.splice(0)) resume();
  }

  #receive(message: WorkerMessage): void {
    if (message?.run === Atomics.load(this.#ring.control, RUN)) this.#bad.set(message.step, message.bad);
    this.#wake();
  }

  #fail(failure: Error): void {
    if (this.#closed) return;
    this.#failure ??= failure;
    this.#wake();
  }
}

/** A thread's errors arrive as plain ones: what the user can mend is told by its name. */
function asFailure(worker: number, error: unknown): Error {
  if (error instanceof Error && error.name === 'UserError') return new UserError(error.message);
  return new Error(`data worker ${worker} failed: ${messageOf(error)}`, { cause: error });
}

/** The compiled worker: Node's threads run JavaScript only, also where a test runs the sources. */
function workerFile(): URL {
  const compiled = new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/data/loader/worker.js' : './worker.js',
    import.meta.url,
  );
  if (!existsSync(compiled)) throw new Error(`${fileURLToPath(compiled)} is missing: run npm run build`);
  return compiled;
}

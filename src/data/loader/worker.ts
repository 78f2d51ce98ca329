import { parentPort, workerData } from 'node:worker_threads';
import { createFiller } from './fill.js';
import type { WorkerMessage, WorkerPlan } from './ring.js';
import { CLAIMED, EPOCH, IDLE, READY, RELEASED, RUN, sizeAt, slotBuffers, STOP, WAITING } from './ring.js';

/** Image files decoded at once: as many as Node has threads for it, so that none of them waits for this one. */
const lanes = 4;

/** A loader's worker thread: fills the ring's slots epoch after epoch until it is terminated. */
async function work({ plan, ring, steps }: WorkerPlan): Promise<never> {
  const { control, slots } = ring;
  const fill = createFiller(plan, lanes);
  const buffers = Array.from({ length: slots }, (_, slot) => slotBuffers(ring, slot));

  const send = (message: WorkerMessage): void => parentPort!.postMessage(message);
  const report = (): void => {
    if (Atomics.exchange(control, WAITING, 0) === 1) send(null);
  };
  const isStopped = (): boolean => Atomics.load(control, RELEASED) === STOP;

  /** Sleeps until the step's slot is free; false if the epoch has been stopped. */
  const slotIsFree = (step: number): boolean => {
    for (;;) {
      const released = Atomics.load(control, RELEASED);
      if (released === STOP) return false;
      if (step - released < slots) return true;
      Atomics.wait(control, RELEASED, released);
    }
  };

  for (let run = 0; ;) {
    Atomics.wait(control, RUN, run);
    run = Atomics.load(control, RUN);
    const epoch = Atomics.load(control, EPOCH);
    for (;;) {
      const step = Atomics.add(control, CLAIMED, 1);
      if (step >= steps || !slotIsFree(step)) break;
      const slot = step % slots;
      const { size, bad } = await fill(epoch, step, buffers[slot]!, isStopped);
      Atomics.store(control, sizeAt(ring, slot), size);
      if (bad.length > 0) send({ run, step, bad });
      Atomics.store(control, READY + slot, step + 1);
      report();
    }
    Atomics.add(control, IDLE, 1);
    report();
  }
}

await work(workerData as WorkerPlan);

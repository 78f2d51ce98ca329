import { parentPort, workerData } from 'node:worker_threads';
import { createFiller } from './fill.js';
import type { WorkerPlan } from './ring.js';
import { CLAIMED, EPOCH, IDLE, READY, RELEASED, RUN, slotViews, STOP, WAITING } from './ring.js';

/** A loader's worker thread: fills the ring's slots epoch after epoch until it is terminated. */
function work({ plan, ring, steps }: WorkerPlan): never {
  const { control, slots } = ring;
  const fill = createFiller(plan);
  const views = Array.from({ length: slots }, (_, slot) => slotViews(ring, slot));

  const report = (): void => {
    if (Atomics.exchange(control, WAITING, 0) === 1) parentPort!.postMessage(null);
  };

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
      fill(epoch, step, views[slot]!.images, views[slot]!.labels);
      Atomics.store(control, READY + slot, step + 1);
      report();
    }
    Atomics.add(control, IDLE, 1);
    report();
  }
}

work(workerData as WorkerPlan);

import type { PixelValues } from '../../data/dataset.js';
import { detach } from '../../engine/detached.js';
import { outOfMemoryIn } from '../../engine/out-of-memory.js';
import { scoped } from '../../engine/scoped.js';
import { follow, leadOn } from '../../distributed/blocks/follow.js';
import { receiveBatches, type Heard, type PassedBatch, type PassEnd } from '../../distributed/blocks/link.js';
import { createBatch, createLabels, type Batch, type Mixing } from '../../local/batch.js';
import type { Streams } from '../../local/update.js';
import { drawMixing } from '../mixup.js';
import { learningRateAt } from '../schedule.js';
import { stepError } from '../step-error.js';
import type { EpochTally } from '../tally.js';
import { evaluatePart, newPartEvaluation, type PartEvaluation } from './evaluate.js';
import { headOf, type BlocksRun } from './run.js';
import { runPart } from './step.js';

/** The epoch's training steps that are left; whether nobody wanted to stop before the last. */
export async function trainingPass(run: BlocksRun, tally: EpochTally): Promise<boolean> {
  const { group, part, feeds, up, options, steps } = run;
  const { epoch } = tally;
  const before = { ...run.link };
  const start = performance.now() - 1000 * tally.seconds;
  const following = follow(group, part);
  const led: Promise<void>[] = [];
  const lead = (): void => {
    const leading = leadOn(group, part).then((bytes) => void (run.link.bytes += bytes));
    leading.catch(() => {});
    led.push(leading);
  };
  lead();
  const batches = feeds?.training(epoch, tally, () => isStopping(run)) ?? received(run);
  const end = await forEach(batches, async ({ labels, images, streams }) => {
    const at = `epoch ${epoch}, step ${tally.steps + 1}`;
    try {
      const learningRate = learningRateAt({ epoch, step: tally.steps, steps }, options);
      const mixing =
        options.mixup > 0
          ? drawMixing(options.mixup, options.seed, epoch, tally.steps + 1, labels.length)
          : undefined;
      const step = scoped(() => {
        const batch = batchOf(run, { labels, images }, mixing, options.labelSmoothing);
        return runPart(run.stepper, streamsOf(run, streams, batch), batch, learningRate);
      });
      const sent = up.put({ labels, images: passedOn(run, images), streams: step.streams });
      // Awaited below, when the step is done.
      sent.catch(() => {});
      let peakBytes: readonly number[];
      try {
        if (step.waits) await waitingFor(run, following!.arrive());
        peakBytes = scoped(() => step.finish());
      } catch (error) {
        step.drop();
        throw error;
      }
      if (step.waits) following!.leave();
      scoped(() => run.average?.update());
      lead();
      run.lastLosses = step.losses;
      add(run, tally, labels.length, step.losses, peakBytes);
      if (feeds === undefined) tally.batches++;
      tally.seconds = (performance.now() - start) / 1000;
      await sent;
    } catch (thrown) {
      throw stepError(thrown, at, lossesBefore(run));
    }
    const loss = heardOf(run).loss;
    options.onEvent?.({ type: 'step', epoch, step: tally.steps, steps, images: labels.length, loss });
  });
  await up.end(end);
  await Promise.all([...led, following?.end()]);
  run.use.bytes += run.link.bytes - before.bytes;
  run.use.waitSeconds += run.link.waitSeconds - before.waitSeconds;
  return !end.stopped;
}

/** What a rank's part is worth on the images to evaluate on; undefined if somebody wanted to stop before the last. */
export async function evaluationPass(run: BlocksRun, epoch: number): Promise<PartEvaluation | undefined> {
  const { parts, part, group, feeds, up, options } = run;
  const head = headOf(run);
  const later = parts.slice(group.rank + 1).flatMap(({ strategy }) => strategy.network.units);
  const sums = newPartEvaluation(part, head);
  let step = 0;
  const batches = feeds?.testing(epoch, () => isStopping(run)) ?? received(run);
  const end = await forEach(batches, async ({ labels, images, streams }) => {
    try {
      const next = scoped(() => {
        const batch = batchOf(run, { labels, images });
        return evaluatePart(part, later, head, streamsOf(run, streams, batch), batch, sums);
      });
      await up.put({ labels, images: passedOn(run, images), streams: next });
    } catch (error) {
      throw outOfMemoryIn(`epoch ${epoch}, evaluation`, 'lower train.batchSize', error);
    }
    step++;
    if (feeds !== undefined) {
      options.onEvent?.({ type: 'evaluation', epoch, step, steps: feeds.testSteps });
    }
  });
  await up.end(end);
  return end.stopped ? undefined : sums;
}

async function waitingFor({ link }: BlocksRun, what: Promise<void>): Promise<void> {
  const start = performance.now();
  await what;
  link.waitSeconds += (performance.now() - start) / 1000;
}

/** As `for await`, with what the generator returns. */
async function forEach(
  batches: AsyncGenerator<PassedBatch, PassEnd, undefined>,
  f: (batch: PassedBatch) => Promise<void>,
): Promise<PassEnd> {
  try {
    for (;;) {
      const next = await batches.next();
      if (next.done === true) return next.value;
      await f(next.value);
    }
  } finally {
    await batches.return({ stopped: true });
  }
}

function received(run: BlocksRun): AsyncGenerator<PassedBatch, PassEnd, undefined> {
  return receiveBatches(run.group, run.queue, run.link, () => heardOf(run));
}

/** What this rank and those above it would say. */
function heardOf(run: BlocksRun): Heard {
  const { loss } = run.up.heard();
  const own = headOf(run) === undefined ? loss : run.lastLosses?.at(-1);
  return { stopping: isStopping(run), loss: own ?? NaN };
}

function isStopping({ options: { signal }, up }: BlocksRun): boolean {
  return signal?.aborted === true || up.heard().stopping;
}

type Given = Pick<PassedBatch, 'labels' | 'images'>;

function batchOf(
  { part, dataset, strategy: { network } }: BlocksRun,
  { labels, images }: Given,
  mixing?: Mixing,
  smoothing?: number,
): Batch {
  if (images === undefined || !(part.reads || part.updates.first === 0)) {
    return createLabels(labels, network.classes, mixing, smoothing);
  }
  return createBatch(images, labels, dataset.imageShape, network.classes, dataset, mixing, smoothing);
}

/** What the first update reads: the images, or what came from the rank before, known to have no gradient. */
function streamsOf({ feeds }: BlocksRun, given: Streams, batch: Batch): Streams {
  if (feeds !== undefined) return { x: detach(batch.images) };
  return Object.fromEntries(
    Object.entries(given).map(([name, stream]) => {
      const own = detach(stream);
      stream.dispose();
      return [name, own];
    }),
  );
}

function passedOn({ parts, group }: BlocksRun, images: PixelValues | undefined): PixelValues | undefined {
  return parts[group.rank + 1]?.images === true ? images : undefined;
}

function add(
  { options: { engine }, use }: BlocksRun,
  tally: EpochTally,
  images: number,
  losses: readonly number[],
  peakBytes: readonly number[],
): void {
  use.steps++;
  use.peakBytes = Math.max(use.peakBytes, ...peakBytes);
  tally.steps++;
  tally.images += images;
  losses.forEach((loss, i) => (tally.imageLosses[i]! += images * loss));
  peakBytes.forEach((bytes, i) => (tally.peakBytes[i] = Math.max(tally.peakBytes[i]!, bytes)));
  tally.reservedBytes = Math.max(tally.reservedBytes, engine.memory.reserved());
}

export function lossesBefore({ part, lastLosses }: BlocksRun): Record<string, number> {
  const { updates } = part.strategy;
  return Object.fromEntries((lastLosses ?? []).map((loss, i) => [updates[i]!.name, loss]));
}

import { outOfMemoryIn } from '../../engine/out-of-memory.js';
import { scoped } from '../../engine/scoped.js';
import { leadOn } from '../../distributed/blocks/follow.js';
import {
  receiveBatches,
  waitingFor,
  type Heard,
  type PassedBatch,
  type PassEnd,
} from '../../distributed/blocks/link.js';
import { failureOf } from '../../distributed/process-group.js';
import { drawMixing } from '../mixup.js';
import type { Streams } from '../../local/update.js';
import { headIndex } from '../head-update.js';
import { stepCount } from '../rank-tally.js';
import { settle } from '../run-at-hand.js';
import { learningRateAt } from '../schedule.js';
import { stepError } from '../step-error.js';
import type { EpochTally } from '../tally.js';
import { asHeld, batchOf, passedOn, streamsOf, travelling, wayBack } from './crossing.js';
import { evaluatePart, newPartEvaluation, type PartEvaluation } from './evaluate.js';
import { finishing } from './finishing.js';
import { headOf, notePeaks, ownPartOf, type BlocksRun } from './run.js';
import { beginStep, countedStep } from './step.js';

/** The epoch's training steps that are left; whether nobody wanted to stop before the last. */
export async function trainingPass(run: BlocksRun, tally: EpochTally): Promise<boolean> {
  const { group, part, feeds, up, options, steps, shares } = run;
  const { epoch } = tally;
  const before = { ...run.link };
  const back = wayBack(run);
  const whole = finishing(run, tally, back);
  const led: Promise<void>[] = [];
  const lead = (): void => {
    const leading = leadOn(group, part).then((bytes) => void (run.link.bytes += bytes));
    leading.catch(() => {});
    led.push(leading);
  };
  lead();
  const microBatch = options.batchSize / (options.accumulate ?? 1);
  run.captured?.renew();
  const batches = feeds?.training(epoch, tally, () => agreeToStop(run)) ?? received(run);
  const end = await forEach(batches, async ({ labels, images, streams }) => {
    const at = `epoch ${epoch}, step ${tally.steps + 1}`;
    const { size } = ownPartOf(run, labels.length);
    try {
      const learningRate = learningRateAt({ epoch, step: tally.steps, steps }, options);
      const mixing =
        options.mixup > 0
          ? drawMixing(options.mixup, options.seed, epoch, tally.steps + 1, labels.length)
          : undefined;
      const stepping = run.stepping(learningRate, tally.steps, size);
      const step = countedStep(
        beginStep(
          ...([part, stepping, options.engine.memory] as const),
          (gradient) => back.give(gradient),
          ...([microBatch, run.captured] as const),
        ),
        stepCount(run.use, run.strategy, size),
      );
      const runTo = (update: number, given?: Streams): Streams =>
        scoped(() => {
          const batch = batchOf(run, { labels, images }, mixing, options.labelSmoothing);
          return step.run(given ?? asHeld(run, streams), batch, update);
        });
      const next = await whole.run(step, runTo);
      const sent = up.put({ labels, images: passedOn(run, images), streams: travelling(run, next) });
      // Awaited below, when the step is done.
      sent.catch(() => {});
      await whole.finish(step);
      // Averages, and the rank before, follow the weights after every step.
      if (run.average !== undefined || part.followed.length > 0) await shares?.putOff.settle();
      scoped(() => run.average?.update());
      lead();
      run.lastLosses = step.losses;
      notePeaks(run, tally, step.peaks);
      add(run, tally, size, step.losses);
      if (feeds === undefined) tally.batches++;
      await sent;
    } catch (thrown) {
      throw stepError(await failureOf(thrown), at, lossesBefore(run), run.dataset);
    }
    const loss = heardOf(run).loss;
    options.onEvent?.({ type: 'step', epoch, step: tally.steps, steps, images: size, loss });
  }).catch((error: unknown) => {
    whole.drop();
    throw error;
  });
  // The next rank's end comes after what it gives back.
  await Promise.all([up.end(end), whole.end()]);
  await Promise.all([...led, back.end()]);
  await settle({ parallel: shares?.putOff, average: run.average });
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
  const batches = feeds?.testing(epoch, () => agreeToStop(run)) ?? received(run);
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
  const own = headOf(run) === undefined ? loss : run.lastLosses?.[headIndex(run.part.strategy)];
  return { stopping: isStopping(run), loss: own ?? NaN };
}

function isStopping({ options: { signal }, up }: BlocksRun): boolean {
  return signal?.aborted === true || up.heard().stopping;
}

/** Whether the pass ends here, in all pipelines after the same batch. */
function agreeToStop(run: BlocksRun): Promise<boolean> {
  const { shares, link } = run;
  const wantsStop = isStopping(run);
  if (shares === undefined) return Promise.resolve(wantsStop);
  return waitingFor(link, shares.putOff.agreeToStop(wantsStop));
}

function add(
  { options: { engine }, use }: BlocksRun,
  tally: EpochTally,
  images: number,
  losses: readonly number[],
): void {
  use.steps++;
  tally.steps++;
  tally.images += images;
  losses.forEach((loss, i) => (tally.imageLosses[i]! += images * loss));
  tally.reservedBytes = Math.max(tally.reservedBytes, engine.memory.reserved());
}

export function lossesBefore({ part, lastLosses }: BlocksRun): Record<string, number> {
  const { updates } = part.strategy;
  return Object.fromEntries((lastLosses ?? []).map((loss, i) => [updates[i]!.name, loss]));
}

import { setImmediate } from 'node:timers/promises';
import type { PassedBatch, PassEnd } from '../../distributed/blocks/link.js';
import type { Dataset } from '../../data/dataset.js';
import type { Share } from '../../data/loader/share.js';
import type { TrainContext } from '../context.js';
import { feed, type FeedTally } from '../feed.js';
import { openTrainLoader, openTestLoader } from '../loaders.js';
import type { TrainSettings } from '../optimizers.js';
import { skippedReporter } from '../report-skipped.js';

/** Whether a pass is to end here. */
type Stopping = () => Promise<boolean>;

/** The batches of the first rank, which reads the data. */
export interface Feeds {
  /** Images that an epoch goes without, as there is no batch for them. */
  readonly leftOut: number;
  /** Batches of an evaluation. */
  readonly testSteps: number;
  /**
   * An epoch's training batches, from batch `tally.batches` on.
   *
   * @param stopping asked before the first batch and between others
   */
  training(
    epoch: number,
    tally: FeedTally,
    stopping: Stopping,
  ): AsyncGenerator<PassedBatch, PassEnd, undefined>;
  /** The batches to evaluate on after an epoch. */
  testing(epoch: number, stopping: Stopping): AsyncGenerator<PassedBatch, PassEnd, undefined>;
  /** Images of the last evaluation that were bad, and left out. */
  skippedIn(split: 'test'): number;
  close(): Promise<void>;
}

/** @param share of every batch, where other first ranks have the rest */
export function openFeeds(
  dataset: Dataset,
  options: TrainSettings & TrainContext,
  share: Share | undefined,
): Feeds {
  const training = openTrainLoader(dataset, { ...options, share });
  const testing = openTestLoader(dataset, { ...options, share });
  const report = skippedReporter({ train: new Set(), test: new Set() }, dataset, options.onEvent);
  let tested: FeedTally = { batches: 0, waitSeconds: 0, skipped: 0 };
  return {
    leftOut: training.leftOut,
    testSteps: testing.steps,
    training: (epoch, tally, stopping) =>
      untilStopped(
        feed(training.batches(epoch, tally.batches), tally, report(epoch, 'train')),
        () => tally.batches < training.steps,
        stopping,
      ),
    testing(epoch, stopping) {
      tested = { batches: 0, waitSeconds: 0, skipped: 0 };
      return untilStopped(
        feed(testing.batches(epoch), tested, report(epoch, 'test')),
        () => tested.batches < testing.steps,
        stopping,
      );
    },
    skippedIn: () => tested.skipped,
    close: async () => void (await Promise.all([training.close(), testing.close()])),
  };
}

async function* untilStopped(
  batches: ReturnType<typeof feed>,
  hasMore: () => boolean,
  stopping: Stopping,
): AsyncGenerator<PassedBatch, PassEnd, undefined> {
  if (await stopping()) return { stopped: true };
  for await (const { labels, images } of batches) {
    yield { labels, images, streams: {} };
    // The step is synchronous: without a turn of the event loop no signal and no screen update gets through.
    await setImmediate();
    // A share of the last batch may have no image: after that not all first ranks would ask.
    if (hasMore() && (await stopping())) return { stopped: true };
  }
  return { stopped: false };
}

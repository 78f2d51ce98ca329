import { detach } from '../engine/detached.js';
import { scoped } from '../engine/scoped.js';
import { partsOf } from '../distributed/blocks/part.js';
import { placeBlocks } from '../distributed/blocks/placement.js';
import { noiseBatch } from '../local/noise-batch.js';
import type { Strategy } from '../local/strategy.js';
import type { Streams } from '../local/update.js';
import { networkCounters, networkState } from '../networks/network.js';
import { makeAbsent } from '../nn/absent.js';
import { drawAbsent } from '../nn/parameters.js';
import { freeGradients } from '../train/gradients.js';
import { freeStreams, runUpdate } from '../train/run-update.js';

/** Of which the shortest counts: what else the machine does makes times longer, never shorter. */
const runs = 3;

/**
 * Measures how long forward and backward pass of each block take, on random images, one block in memory at a time.
 *
 * @param strategy built within `withoutMemory`; it is left as it was
 * @returns seconds of each block, in their order
 * @throws UserError where its blocks cannot be on different ranks
 */
export function blockSeconds(strategy: Strategy, batchSize: number): number[] {
  const { blocks, network } = strategy;
  const batchOf = noiseBatch(network, batchSize, network.seed);
  const each = Array.from({ length: blocks - 1 }, (_, i) => i + 1);
  let streams: Streams | undefined;
  try {
    return partsOf(strategy, placeBlocks(blocks, each)).map(
      ({ strategy: { network: own, auxiliary, counters: ofNets = [], updates } }) => {
        const variables = [...networkState(own), ...auxiliary].map(({ variable }) => variable);
        drawAbsent(variables);
        const counters = [...networkCounters(own), ...ofNets];
        const before = counters.map(({ value }) => value);
        let shortest = Infinity;
        // The first run, which is not counted, makes what the others reuse.
        for (let run = 0; run <= runs; run++) {
          scoped(() => {
            const batch = batchOf();
            streams ??= { x: detach(batch.images) };
            const start = performance.now();
            let current: Streams = copies(streams);
            for (const update of updates) {
              const { gradients, next } = runUpdate(update, current, batch);
              freeGradients(gradients);
              current = next;
            }
            if (run > 0) shortest = Math.min(shortest, (performance.now() - start) / 1000);
            if (run < runs) freeStreams(current);
            else {
              freeStreams(streams);
              streams = current;
            }
          });
        }
        counters.forEach((counter, i) => (counter.value = before[i]!));
        variables.forEach(makeAbsent);
        return shortest;
      },
    );
  } finally {
    if (streams !== undefined) freeStreams(streams);
  }
}

function copies(streams: Streams): Streams {
  return Object.fromEntries(Object.entries(streams).map(([name, stream]) => [name, detach(stream)]));
}

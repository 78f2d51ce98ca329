import { scoped } from '../../src/engine/scoped.js';
import { countMultiplyAdds } from '../../src/engine/multiply-adds.js';
import type { Recompute } from '../../src/engine/recompute-choices.js';
import { buildStrategy } from '../../src/local/build.js';
import { stepMultiplyAdds } from '../../src/local/cost.js';
import type { StepMultiplyAdds } from '../../src/local/step-cost.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { recomputing } from '../../src/local/strategy.js';
import type { Network } from '../../src/networks/network.js';
import { tinyBatch, tinyNetwork, tinyRun } from './tiny.js';

/** The multiply-adds of one step on so many images. */
export function costOf(
  options: StrategyOptionsInput,
  { recompute = 'none', images = 4 }: { recompute?: Recompute; images?: number } = {},
  network: Network = tinyNetwork(),
): StepMultiplyAdds {
  const run = tinyRun((own) => recomputing(buildStrategy(own, options), recompute), network);
  const { strategy } = run;
  try {
    return scoped(() => {
      const batch = tinyBatch(images);
      const count = countMultiplyAdds();
      try {
        run.step(batch);
        return stepMultiplyAdds(strategy, count.counted);
      } finally {
        count.close();
      }
    });
  } finally {
    run.dispose();
  }
}

/**
 * ResNet-14 on 8×8 images of 3 channels, an image: stem 8²·16·9·3; stages of 16, 32, 64 channels on 8², 4², 2² cells, two
 * blocks of two 3×3 convolutions each, the first of a later stage narrower inside, with a 1×1 shortcut; the head 64·4.
 */
const [stem, head] = [64 * 16 * 27, 64 * 4];
const stageOf = (cells: number, width: number): number =>
  cells * width * (9 * (width / 2 + 3 * width) + width / 2);
const units = 64 * 16 * 9 * 16 * 4 + stageOf(16, 32) + stageOf(4, 64);

export const byHand = { stem, units, head, forward: stem + units + head };

import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';
import type { MomentumStart } from '../axes/bridge/momentum-net.js';
import { scaledMomentumBridge } from '../axes/bridge/scaled-momentum.js';
import { independentPath } from '../axes/path/independent.js';
import type { StrategyParts } from '../compose.js';
import { stageCuts, type PartitionOptions } from '../partition/options.js';
import type { Cuts } from '../partition/partition.js';

/** What MAN++ is over every base. */
export interface ManPlusFrame {
  /** All of a strategy but the auxiliary nets and what they minimise. */
  readonly parts: Omit<StrategyParts, 'auxiliary' | 'loss'>;
  /** K, as requested. */
  readonly count: number;
  /** Whether the stem is a block of its own: the first. */
  readonly ownStem: boolean;
}

/**
 * MAN++ without its base (Su et al., TPAMI 2026): independent blocks, cut as MAN's, each but the last with a scaled
 * momentum bridge.
 *
 * Where the stem keeps the image's size, as CIFAR's do, it is a block of its own, before the K of MAN. Its bridge is
 * shaped like the unit that follows, whose values the bridge's M takes up before the step that trains them in the
 * second block. Elsewhere, as with ImageNet's, the stem belongs to the first block.
 *
 * M ← m·M + (1 − m)·next runs after a block's backward pass, as in the code for one process. (Distributed, the
 * published code does so before it, and the gradients then go through an M that has already moved.)
 *
 * @throws UserError where the cuts name the stem that is a block already, or a unit of an ImageNet ResNet that ends a
 * stage
 */
export function manPlusFrame(
  network: Network,
  method: string,
  options: Omit<PartitionOptions, 'method'> & {
    readonly momentum: number;
    readonly momentumStart: MomentumStart;
  },
): ManPlusFrame {
  const { cuts, count } = stageCuts(network, { method, ...options });
  const ownStem = keepsImageSize(network);
  if (ownStem && cuts[0] === 0) {
    throw new UserError(
      `${method}: cuts: the stem of ${network.name} is a block of its own in any case; leave '${network.units[0]!.name}' out`,
    );
  }
  if (!ownStem) refuseStageEnds(network, method, cuts);
  return {
    parts: {
      name: method,
      cuts: ownStem ? [0, ...cuts] : cuts,
      path: independentPath,
      bridge: scaledMomentumBridge(options.momentum, options.momentumStart),
    },
    count,
    ownStem,
  };
}

/** Whether there is a stem, and its map is as large as the image. */
function keepsImageSize({ units: [first], imageShape: [height, width] }: Network): boolean {
  const { stage, output } = first!;
  return stage === 0 && output.height === height && output.width === width;
}

/** The published code for ImageNet takes a bridge's shape from the next unit of the same stage. */
function refuseStageEnds({ name, units }: Network, method: string, cuts: Cuts): void {
  // Without a stem, as in VGG, or with all units of one width, as in ViT, they are no stages of that kind.
  if (units[0]!.stage !== 0) return;
  for (const cut of cuts) {
    const [last, next] = [units[cut]!, units[cut + 1]!];
    const ends = last.stage > 0 && last.stage !== next.stage;
    if (!ends || last.output.channels === next.output.channels) continue;
    throw new UserError(
      `${method}: cuts: '${last.name}' ends a stage of ${name}, and MAN++ on such networks has no bridge into the next one; name units within a stage (cuts)`,
    );
  }
}

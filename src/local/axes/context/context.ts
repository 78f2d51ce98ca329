import { UserError } from '../../../core/errors.js';
import type { ContextNet, MapShape, Network, Unit } from '../../../networks/network.js';
import { sequential, type Layer } from '../../../nn/layer.js';
import { convBatchNorm } from '../../../nn/layers.js';
import { childScope, rootScope, type Scope } from '../../../nn/parameters.js';
import { adaptiveAveragePool } from '../../../nn/pooling.js';
import type { Cuts } from '../../partition/partition.js';
import { imageOf } from '../../site.js';

/** What each block after the first reads beside the features of the block before (ContSup, Yu et al. 2023). */
export interface ContextOptions {
  /** Whether it reads the image, through a net of its own (the paper's E). */
  readonly image: boolean;
  /**
   * How many of the inputs of the blocks before it reads, nearest first, each through a net of its own (the paper's R1,
   * R2, …). Where there are fewer it reads them all; the first block's, which is the image, only without `image`.
   */
  readonly earlier: number;
  /** Factor on the hidden width of the image's nets; 1 if not given. */
  readonly widen?: number;
}

/** The contexts of the published code, by their names there; its R0 is none. */
export const contextModes = {
  E: { image: true, earlier: 0 },
  R1: { image: false, earlier: 1 },
  R2: { image: false, earlier: 2 },
  R4: { image: false, earlier: 4 },
  R8: { image: false, earlier: 8 },
  R16: { image: false, earlier: 16 },
  R1E: { image: true, earlier: 1 },
} as const satisfies Readonly<Record<string, ContextOptions>>;

/** What the published modes supply, by name: nothing, the image, the inputs of so many blocks before, or both. */
export type ContextMode = keyof typeof contextModes;

export const contextNames = Object.keys(contextModes) as ContextMode[];

/** A network whose blocks are supplied with context, and the nets that were added. */
export interface SuppliedNetwork {
  readonly network: Network;
  readonly contexts: readonly Layer[];
}

/**
 * The network with context supplied to the first unit after each cut (ContSup, Yu et al. 2023, by its published code).
 * Behind cut k, that unit's input is no longer h, the features of the block before, but
 *
 * ret_k = h + [image] Enc_k(image) + Σ_{r < earlier} Res_{k,r}(ret_{k−1−r}),
 *
 * in training with h and the earlier sums detached, so that the nets are trained by the block that reads ret_k. Enc is
 * 3×3 convolution to 12 channels, BN, ReLU, 3×3 convolution to the width of h, BN, ReLU, on the normalised image, then
 * an adaptive average pool to the size of h; Res is 1×1 convolution, BN, ReLU, and the pool; all convolutions have a bias.
 * ret_{−1} is the image, and terms before that are left out; with `image` it comes in through Enc alone.
 *
 * The layers are the given network's; the nets are new, named `context.{unit}.image` and `context.{unit}.earlier.{r}`,
 * and the caller's to dispose. The result is a network of its own because evaluation must compute what was trained:
 * everything that runs or saves a network takes its units' contexts with them.
 *
 * @throws UserError where `widen` leaves no hidden channel
 */
export function supplyContext(network: Network, cuts: Cuts, options: ContextOptions): SuppliedNetwork {
  const scope = childScope(rootScope(network.seed), 'context');
  /** The unit that reads ret_{b−1}: the first of block b. */
  const firstOf = (block: number): Unit => network.units[cuts[block - 1]! + 1]!;
  const shapeInto = (block: number): MapShape =>
    block === 0 ? imageOf(network) : network.units[cuts[block - 1]!]!.output;
  const netsInto = (block: number): ContextNet[] => {
    const own = childScope(scope, firstOf(block).name);
    const input = shapeInto(block);
    const oldest = Math.max(options.image ? 1 : 0, block - options.earlier);
    const sources = Array.from({ length: Math.max(0, block - oldest) }, (_, r) => block - 1 - r);
    return [
      ...(options.image
        ? [{ layer: imageNet(childScope(own, 'image'), imageOf(network), input, options) }]
        : []),
      ...sources.map((source, r) => ({
        ...(source === 0 ? {} : { from: firstOf(source).name }),
        layer: earlierNet(childScope(childScope(own, 'earlier'), r), shapeInto(source), input),
      })),
    ];
  };
  const nets = new Map(
    cuts.map((_, k) => [firstOf(k + 1).name, netsInto(k + 1)] as const).filter(([, own]) => own.length > 0),
  );
  const units = network.units.map((unit) => {
    const context = nets.get(unit.name);
    return context === undefined ? unit : { ...unit, context };
  });
  return { network: { ...network, units }, contexts: [...nets.values()].flat().map(({ layer }) => layer) };
}

/** Hidden width of the image's nets. */
const imageWidth = 12;

function imageNet(scope: Scope, image: MapShape, input: MapShape, { widen = 1 }: ContextOptions): Layer {
  const width = Math.floor(imageWidth * widen);
  if (width === 0) {
    throw new UserError(
      `widen: ${widen} leaves the image's context no hidden channel; take ${1 / imageWidth} or more`,
    );
  }
  const layer = (names: readonly [number, number], inChannels: number, outChannels: number): Layer =>
    convBatchNorm(scope, names, { inChannels, outChannels, kernel: 3, bias: true, relu: true });
  return sequential([
    layer([0, 1], image.channels, width),
    layer([3, 4], width, input.channels),
    adaptiveAveragePool([input.height, input.width]),
  ]);
}

function earlierNet(scope: Scope, source: MapShape, input: MapShape): Layer {
  return sequential([
    convBatchNorm(scope, [0, 1], {
      inChannels: source.channels,
      outChannels: input.channels,
      kernel: 1,
      bias: true,
      relu: true,
    }),
    adaptiveAveragePool([input.height, input.width]),
  ]);
}

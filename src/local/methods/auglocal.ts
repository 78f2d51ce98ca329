import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';
import { sampledOptions, sampledUnits, type SampledClassifier } from '../axes/auxiliary/sampled.js';
import { composeStrategy } from '../compose.js';
import { labels } from '../axes/loss/classification.js';
import { defineMethod } from '../method.js';
import { explicitCuts } from '../partition/options.js';
import { evenCuts, type Cuts } from '../partition/partition.js';
import { independentPath } from '../axes/path/independent.js';

/**
 * AugLocal (Ma et al., ICLR 2024): each block has an auxiliary net in the image of units drawn from those that follow.
 *
 * What it was published as differs between its two programs. That for CIFAR-10, SVHN and STL-10 joins the last d + 1 of
 * K pieces into one block and lets the nets' depth fall; that for ImageNet keeps all K apart, the last with the head,
 * and all nets equally deep. Defaults are those of the program that the network belongs to: torchvision's residual
 * networks to that for ImageNet, all others to that for CIFAR-10. The head's block counts as a piece, so K = 17 of
 * ResNet-34 are 16 blocks with nets and the last.
 */
export const auglocal = defineMethod({
  name: 'auglocal',
  options: z.strictObject({
    /** K: pieces to cut the network into; default: every unit. */
    blocks: z.int().min(1).exactOptional(),
    /** Whether the last `depth + 1` pieces are one block; default: with the classifier `cifar`. */
    joined: z.boolean().exactOptional(),
    /** Names of the units that end a block, in place of all that. */
    cuts: z
      .union([z.literal('balanced'), z.array(z.string()).min(1).readonly()], {
        error: "must be 'balanced' or a list of unit names",
      })
      .exactOptional(),
    depth: sampledOptions.depth,
    /** Pyramid coefficient; default: 0.5 with the classifier `cifar`, else 0. */
    pyramid: sampledOptions.pyramid.unwrap().exactOptional(),
    /** What the nets end in; default: `imagenet` for torchvision's residual networks, else `cifar`. */
    classifier: sampledOptions.classifier.unwrap().exactOptional(),
  }),
  formerly: { tail: 'classifier' },
  build(network, { blocks, cuts, depth, classifier = classifierFor(network), ...given }) {
    const { joined = classifier === 'cifar', pyramid = classifier === 'cifar' ? 0.5 : 0 } = given;
    return composeStrategy(network, {
      name: 'auglocal',
      cuts:
        cuts === undefined
          ? piecesOf(network, blocks ?? network.units.length, joined ? depth : 0)
          : explicitCuts(network, 'auglocal', cuts, blocks),
      path: independentPath,
      auxiliary: sampledUnits({ depth, pyramid, classifier }),
      loss: labels('cross-entropy'),
    });
  },
});

/** Of AugLocal's program that trains such a network. */
function classifierFor({ name }: Network): SampledClassifier {
  return /^res(net|next)-imagenet-/.test(name) ? 'imagenet' : 'cifar';
}

/** Cuts into even pieces, of which the last and `depth` before it are one. */
function piecesOf(network: Network, pieces: number, depth: number): Cuts {
  const cuts = evenCuts(network, pieces, { stemJoined: false }).slice(0, Math.max(0, pieces - depth - 1));
  if (cuts.length > 0 || depth === 0) return cuts;
  throw new UserError(
    `auglocal: depth ${depth} joins the last ${depth + 1} of ${pieces} blocks, which leaves no local one; ${adviceOn(network, pieces, depth)}`,
  );
}

/** What of depth and number of blocks would do, within what the network has. */
function adviceOn({ name, units: { length } }: Network, pieces: number, depth: number): string {
  const deepest = (blocks: number): string => `a depth of at most ${blocks - 2}`;
  if (length < 3) return `${name} has too few units for it, ${length} of at least 3`;
  const ways = [
    ...(pieces >= 3 ? [deepest(pieces)] : []),
    ...(depth + 2 <= length ? [`at least ${depth + 2} of the ${length} blocks that ${name} has`] : []),
  ];
  if (ways.length > 0) return `ask for ${ways.join(', or ')}`;
  return `ask for ${length} blocks, as many as ${name} has, and ${deepest(length)}`;
}

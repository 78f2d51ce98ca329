import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';
import { sampledOptions, sampledUnits } from '../axes/auxiliary/sampled.js';
import { composeStrategy } from '../compose.js';
import { labels } from '../axes/loss/labels.js';
import { defineMethod } from '../method.js';
import { explicitCuts } from '../partition/options.js';
import { evenCuts, type Cuts } from '../partition/partition.js';
import { independentPath } from '../axes/path/independent.js';

/** AugLocal (Ma et al., ICLR 2024): of K pieces the last d + 1 are one block, the others have sampled nets. */
export const auglocal = defineMethod({
  name: 'auglocal',
  options: z.strictObject({
    /** Pieces to cut the network into before the last `depth + 1` are joined; default: every unit. */
    blocks: z.int().min(1).exactOptional(),
    /** Names of the units that end a block, in place of all that. */
    cuts: z
      .union([z.literal('balanced'), z.array(z.string()).min(1).readonly()], {
        error: "must be 'balanced' or a list of unit names",
      })
      .exactOptional(),
    ...sampledOptions,
  }),
  build(network, { blocks, cuts, depth, pyramid, tail }) {
    return composeStrategy(network, {
      name: 'auglocal',
      cuts:
        cuts === undefined
          ? cutsBeforeDepth(network, blocks ?? network.units.length, depth)
          : explicitCuts(network, 'auglocal', cuts, blocks),
      path: independentPath,
      auxiliary: sampledUnits({ depth, pyramid, tail }),
      loss: labels('cross-entropy'),
    });
  },
});

function cutsBeforeDepth(network: Network, pieces: number, depth: number): Cuts {
  const cuts = evenCuts(network, pieces, { stemJoined: false }).slice(0, Math.max(0, pieces - depth - 1));
  if (cuts.length > 0) return cuts;
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

import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';
import type { AuxiliaryNet } from '../axes/auxiliary/auxiliary.js';
import { momentumOptions } from '../axes/bridge/momentum-net.js';
import { alongOwnBlocks, alongStages, type Progress } from '../axes/loss/ramp.js';
import type { LocalLoss } from '../axes/loss/loss.js';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { auxiliaryOf, partition, ramp, twoTermFormerly, twoTermLoss, twoTermLossOf } from './fragments.js';
import { manPlusFrame } from './man-plus-frame.js';

/**
 * MAN++ (Su et al., TPAMI 2026) over InfoPro: MAN with a trained scale in each bridge (`scaledMomentumBridge`), and on
 * CIFAR's ResNets with the stem as a block of its own (`manPlusFrame`), so one block more than K. Over DGL it is
 * `dgl-man-plus`.
 *
 * The stem's auxiliary nets are at ratio 0 of the ramp; the others' ratio is along the network's stages, as in MAN's
 * code: (stage of the next unit) / (K − 2), with K as requested, not clipped, so that weights below K = 5 change sign.
 *
 * Its ImageNet code is `auxiliary: imagenet`, `decoder: man-imagenet`, `reconstruction: 5` and `classification: 0.75`, for
 * ResNet-101, -152 and ResNeXt-101. There is no code for VGG; that for ViT has two bias nets in a bridge, which these
 * have not. Decided here: both are trained as ImageNet's ResNets are.
 */
export const manPlus = defineMethod({
  name: 'man-plus',
  options: z.strictObject({
    ...partition,
    ...twoTermLoss,
    /** Along the network's stages, as in the published code, or along the blocks. */
    ramp: ramp.default('stages'),
    /**
     * The auxiliary net of the stem's own block: `published`, 1c2f with the contrast loss whatever `auxiliary` and `loss` say, as the
     * code builds it without looking at them; or `as-others`. Published if not given.
     */
    stemAuxiliary: z.enum(['published', 'as-others']).exactOptional(),
    ...momentumOptions,
  }),
  formerly: { ...twoTermFormerly, stemHead: 'stemAuxiliary' },
  build(network, options) {
    const { parts, count, ownStem } = manPlusFrame(network, 'man-plus', options);
    const along = options.ramp === 'stages' ? alongStages(count) : alongOwnBlocks;
    const auxiliary = auxiliaryOf(options);
    if (!ownStem) {
      refuseStemAuxiliary(network, options.stemAuxiliary);
      return composeStrategy(network, { ...parts, auxiliary, loss: twoTermLossOf(options, along) });
    }
    const progress: Progress = (site) => (site.position === 0 ? 0 : along(site));
    const loss = twoTermLossOf(options, progress);
    return composeStrategy(network, {
      ...parts,
      auxiliary,
      loss:
        options.stemAuxiliary === 'as-others'
          ? loss
          : withStem(
              twoTermLossOf({ ...options, loss: 'contrast' }, progress),
              auxiliaryOf({ ...options, auxiliary: '1c2f' }),
              loss,
            ),
    });
  },
});

function refuseStemAuxiliary(network: Network, stemAuxiliary: string | undefined): void {
  if (stemAuxiliary === undefined) return;
  throw new UserError(
    `man-plus: stemAuxiliary is of a stem that is a block of its own, and that of ${network.name} belongs to the first block: leave it out`,
  );
}

/** A loss and an auxiliary net for the first block, and a loss for the others. */
function withStem(first: LocalLoss, auxiliary: AuxiliaryNet, others: LocalLoss): LocalLoss {
  return {
    ...others,
    attach: (scope, site, parts) =>
      site.position === 0
        ? first.attach(scope, site, { ...parts, auxiliary })
        : others.attach(scope, site, parts),
  };
}

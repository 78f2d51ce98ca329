import { z } from 'zod';
import { convolutionalWidths } from '../axes/auxiliary/convolutional.js';
import { dglManPlusNet } from '../axes/auxiliary/dgl-man-plus.js';
import { momentumOptions } from '../axes/bridge/momentum-net.js';
import { labels } from '../axes/loss/classification.js';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { partition } from './fragments.js';
import { manPlusFrame } from './man-plus-frame.js';

/**
 * MAN++ (Su et al., TPAMI 2026) over DGL: at every bridge, the stem's too, the cross-entropy of a net of that code's
 * own (`dglManPlusNet`), weight 1. Nothing is reconstructed. It was published for CIFAR's ResNets; decided here: for
 * other networks the blocks are as in `man-plus`.
 */
export const dglManPlus = defineMethod({
  name: 'dgl-man-plus',
  options: z.strictObject({
    ...partition,
    /** Width of the net's convolutions; its linear layers are four times as wide. */
    featureWidth: convolutionalWidths.featureWidth,
    ...momentumOptions,
  }),
  build(network, options) {
    const { parts } = manPlusFrame(network, 'dgl-man-plus', options);
    return composeStrategy(network, {
      ...parts,
      auxiliary: dglManPlusNet(options.featureWidth),
      loss: labels('cross-entropy'),
    });
  },
});

import { scalingBridge } from '../axes/bridge/scaling.js';
import { defineMethod } from '../method.js';
import { composeMan, man } from './man.js';

/**
 * MAN++ (Su et al. 2025, arXiv 2507.16279): MAN with a learnable scaling bias in place of the bias net.
 *
 * From the abstract: auxiliary nets kept up by a moving average of the neighbouring block's parameters, and a learnable
 * scaling bias for what differs between the features of two blocks. Decided here: what that bias is (`scalingBridge`);
 * that all else, loss, weights, momentum and cut points, is as in MAN.
 */
export const manPlus = defineMethod({
  name: 'man-plus',
  options: man.options,
  build: (network, options) => composeMan(network, 'man-plus', scalingBridge(options.momentum), options),
});

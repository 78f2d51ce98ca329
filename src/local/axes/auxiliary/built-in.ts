import { convolutionalNets } from './convolutional.js';
import { dgl } from './dgl.js';
import { dglManPlus } from './dgl-man-plus.js';
import { imagenet } from './imagenet.js';
import { pooled } from './pooled.js';
import { sampled } from './sampled.js';

/** The auxiliary nets that there are without plugins. */
export const builtInAuxiliaries = [...convolutionalNets, imagenet, dgl, dglManPlus, pooled, sampled];

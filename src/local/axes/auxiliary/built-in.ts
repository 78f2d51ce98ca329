import { convolutionalHeads } from './convolutional.js';
import { dgl } from './dgl.js';
import { dglManPlus } from './dgl-man-plus.js';
import { imagenet } from './imagenet-head.js';
import { pooled } from './pooled.js';
import { sampled } from './sampled.js';

/** The auxiliary nets that there are without plugins. */
export const builtInAuxiliaries = [...convolutionalHeads, imagenet, dgl, dglManPlus, pooled, sampled];

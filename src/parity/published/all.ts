import { auglocal } from './auglocal.js';
import { bp } from './bp.js';
import { contsup } from './contsup.js';
import { dglManPlus } from './dgl-man-plus.js';
import { dgl } from './dgl.js';
import { greedy } from './greedy.js';
import { hpff } from './hpff.js';
import { infopro } from './infopro.js';
import { manPlus } from './man-plus.js';
import { man } from './man.js';
import type { PublishedMethod } from './method.js';
import { mlaan, mlaanAllEma } from './mlaan.js';
import { predsim } from './predsim.js';

/** The methods whose published runs can be rebuilt. */
export const publishedMethods: readonly PublishedMethod[] = [
  bp,
  greedy,
  dgl,
  predsim,
  infopro,
  auglocal,
  man,
  hpff,
  manPlus,
  dglManPlus,
  mlaan,
  mlaanAllEma,
  contsup,
];

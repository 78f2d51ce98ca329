import type { Choices } from '../axes/axes.js';
import { customMethod } from './custom.js';
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
import { mlaan } from './mlaan.js';
import { predsim } from './predsim.js';

/** The published methods. */
export const builtInMethods = [
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
  contsup,
] as const;

/** The published methods and `custom`, which has these choices. */
export const methodsWith = (choices: Choices) => [...builtInMethods, customMethod(choices)] as const;

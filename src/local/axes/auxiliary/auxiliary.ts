import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';
import type { Site } from '../../site.js';

/** Builds an auxiliary net: features `[n, h, w, c]` of the site → `[n, outputs]`. */
export type AuxiliaryNet = (scope: Scope, site: Site, outputs: number) => Layer;

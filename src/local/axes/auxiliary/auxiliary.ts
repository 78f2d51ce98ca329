import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';
import type { Site } from '../../site.js';
import { defineChoice } from '../../../core/choice.js';

/** Builds an auxiliary net: features `[n, h, w, c]` of the site → `[n, outputs]`. */
export type AuxiliaryNet = (scope: Scope, site: Site, outputs: number) => Layer;

/** A net that classifies a block's features, by name. Returns its argument: for the types alone. */
export const defineAuxiliary = defineChoice<AuxiliaryNet>();

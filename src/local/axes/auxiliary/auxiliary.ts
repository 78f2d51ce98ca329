import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';
import type { Site } from '../../site.js';
import { defineChoice } from '../../../core/choice.js';

/**
 * Builds an auxiliary net, which classifies a block's features.
 *
 * @param scope where its parameters get their names and initial values from
 * @param site where it is attached, and the shape of the features there
 * @param outputs numbers an image: the classes, or the width of features that a loss compares
 * @returns features `[n, h, w, c]` → `[n, outputs]`
 */
export type AuxiliaryNet = (scope: Scope, site: Site, outputs: number) => Layer;

/** Defines a net that classifies a block's features, by name. Returns its argument. */
export const defineAuxiliary = defineChoice<AuxiliaryNet>();

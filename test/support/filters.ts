import type { Layer } from '../../src/nn/layer.js';

/** `1×1×512×128, …` of a layer's convolutions and linear layers. */
export const filters = (layer: Layer): string[] =>
  layer.parameters
    .filter(({ variable }) => variable.rank > 1)
    .map(({ variable }) => variable.shape.join('×'));

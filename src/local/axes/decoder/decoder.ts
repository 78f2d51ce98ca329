import type { MapShape } from '../../../networks/network.js';
import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';

/**
 * Builds a net that rebuilds an image from a block's features.
 *
 * @param features their shape
 * @param image the shape of an image
 * @returns features `[n, h, w, c]` → logits of the pixels `[n, H, W, channels]`
 */
export type Decoder = (scope: Scope, features: MapShape, image: MapShape) => Layer;

/** A decoder by name. */
export interface NamedDecoder<Name extends string = string> {
  /** What a config writes: `decoder: 2c`. */
  readonly name: Name;
  /**
   * Builds it.
   *
   * @throws UserError for a width that it cannot have
   */
  build(options: DecoderWidth): Decoder;
}

/** What decoders can be told. */
export interface DecoderWidth {
  /** Width of the hidden layer, where it is not the published one. */
  readonly decoderWidth?: number | undefined;
}

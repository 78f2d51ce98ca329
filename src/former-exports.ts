import { formerly } from './core/former-names.js';
import { convolutionalNet, type ConvolutionalWidths } from './local/axes/auxiliary/convolutional.js';
import { imagenetNet } from './local/axes/auxiliary/imagenet.js';
import type { UnitOptions } from './networks/network.js';
import type { ImagenetLayers } from './networks/resnet-imagenet.js';
import { encoderUnit } from './nn/transformer.js';

// What the release before called otherwise. It goes with the next release.

/** @deprecated It is called `UnitOptions` now. */
export type BlockOptions = UnitOptions;
/** @deprecated It is called `ConvolutionalWidths` now. */
export type HeadWidths = ConvolutionalWidths;
/** @deprecated It is called `ImagenetLayers` now. */
export type ImagenetDepth = ImagenetLayers;

/** @deprecated It is called `encoderUnit` now. */
export const encoderBlock = formerly('encoderBlock', 'encoderUnit', encoderUnit);
/** @deprecated It is called `convolutionalNet` now. */
export const convolutionalHead = formerly('convolutionalHead', 'convolutionalNet', convolutionalNet);
/** @deprecated It is called `imagenetNet` now. */
export const imagenetHead = formerly('imagenetHead', 'imagenetNet', imagenetNet);

import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { networkInputsSchema } from './forms.js';
import { checkGiven, sizeSchema } from '../core/given.js';
import { UserError } from '../core/errors.js';
import { sequential, type Layer } from '../nn/layer.js';
import { conv, globalAveragePool, linear } from '../nn/layers.js';
import {
  childScope,
  constant,
  createParameter,
  normal,
  rootScope,
  type InitialValues,
  type Scope,
} from '../nn/parameters.js';
import { encoderUnit, layerNorm, type EncoderOptions } from '../nn/transformer.js';
import { formerOptions, withLayers } from './former-names.js';
import { createUnit, defineNetwork, type MapShape, type Network, type NetworkInputs } from './network.js';

/** What a Vision Transformer is built for. */
export interface VitOptions extends NetworkInputs, EncoderOptions {
  /** Height and width of a patch; it divides the image's. */
  readonly patchSize: number;
  /** Layers of the encoder, a unit each. */
  readonly layers: number;
}

/** MAN's published ramp counts three stages; a Transformer has none of its own, so its thirds stand for them. */
const stages = 3;

const forms = {
  options: networkInputsSchema.extend({
    layers: sizeSchema,
    patchSize: sizeSchema,
    width: sizeSchema,
    heads: sizeSchema,
    mlpWidth: sizeSchema,
  }),
};

/**
 * A Vision Transformer without a class token (Dosovitskiy et al. 2021; mean-pooled as in Beyer et al. 2022): linear
 * patch embedding plus a learned position embedding as the stem, then `layers` pre-norm encoder units, then layer
 * normalisation, mean over the tokens and a linear layer. Tokens stay a map, `[n, h / patch, w / patch, width]`, so
 * that whatever reads a convolutional network's features reads these. layers + 1 units; parameter names and initial
 * values are torchvision's, whose classifier starts at zero.
 *
 * @throws UserError where the patch does not divide the image or the heads do not divide the width
 */
export function vit(given: VitOptions): Network {
  const options = withLayers('vit', given);
  checkGiven('vit', forms, { options });
  const { classes, imageShape, seed, layers, patchSize, width } = options;
  const [imageHeight, imageWidth, channels] = imageShape;
  if (imageHeight % patchSize !== 0 || imageWidth % patchSize !== 0) {
    throw new UserError(
      `network.patchSize: ${patchSize} does not divide images of ${imageHeight}×${imageWidth}; choose a divisor of both`,
    );
  }
  if (width % options.heads !== 0) {
    throw new UserError(`network.heads: ${options.heads} does not divide the width ${width}`);
  }
  const root = rootScope(seed);
  const output: MapShape = {
    height: imageHeight / patchSize,
    width: imageWidth / patchSize,
    channels: width,
  };
  const stem = createUnit(
    {
      name: 'stem',
      stage: 0,
      index: 0,
      output,
      build: (scope) => embedding(scope, output, patchSize, channels),
    },
    root,
  );
  const buildEncoderUnit = (scope: Scope): Layer => encoderUnit(scope, options);
  const encoder = Array.from({ length: layers }, (_, i) => {
    const stageOf = (unit: number): number => 1 + Math.floor((stages * unit) / layers);
    const stage = stageOf(i);
    let first = i;
    while (first > 0 && stageOf(first - 1) === stage) first--;
    const name = `encoder.layers.encoder_layer_${i}`;
    return createUnit(
      { name, stage, index: i - first, output, build: buildEncoderUnit },
      childScope(root, name),
    );
  });
  return {
    name: `vit-${layers}`,
    imageShape,
    classes,
    seed,
    units: [stem, ...encoder],
    head: sequential([
      layerNorm(childScope(root, 'encoder.ln'), width),
      globalAveragePool,
      linear(childScope(root, 'heads.head'), {
        inputs: width,
        outputs: classes,
        initial: { weight: constant(0), bias: constant(0) },
      }),
    ]),
    buildUnit(scope, { inChannels, outChannels, stride }) {
      if (inChannels !== width || outChannels !== width || stride !== 1) {
        throw new UserError(
          `vit-${layers}: an encoder unit keeps its ${width} channels and its size; one from ${inChannels} to ${outChannels} channels at stride ${stride} cannot be built`,
        );
      }
      return buildEncoderUnit(scope);
    },
  };
}

/** Patches → tokens, `conv_proj`, plus where each stands, `encoder.pos_embedding`. */
function embedding(scope: Scope, output: MapShape, patchSize: number, channels: number): Layer {
  const { height, width, channels: tokenWidth } = output;
  // torchvision truncates at ±2, more than ten deviations away.
  const initial: InitialValues = {
    weight: normal(1 / Math.sqrt(channels * patchSize ** 2)),
    bias: constant(0),
  };
  const patches = conv(childScope(scope, 'conv_proj'), {
    inChannels: channels,
    outChannels: tokenWidth,
    kernel: patchSize,
    stride: patchSize,
    padding: 0,
    bias: true,
    initial,
  });
  const position = createParameter(
    childScope(scope, 'encoder'),
    'pos_embedding',
    [1, height * width, tokenWidth],
    normal(0.02),
  );
  return {
    parameters: [...patches.parameters, position],
    buffers: [],
    forward(x, mode) {
      const map = patches.forward(x, mode);
      const places = tf.reshape(position.variable, [1, height, width, tokenWidth]);
      const y = tf.add(map, places);
      tf.dispose([map, places]);
      return y;
    },
  };
}

export const vitKind = defineNetwork({
  name: 'vit',
  options: z
    .strictObject({
      /** Height and width of a patch in pixels; it must divide the image's. */
      patchSize: z.int().min(1).default(4),
      /** Of the encoder. */
      layers: z.int().min(1).max(100).default(6),
      /** Channels of a token. */
      width: z.int().min(1).max(4096).default(192),
      /** Attention heads; they must divide the width. */
      heads: z.int().min(1).default(3),
      /** Of the hidden layer of each unit's MLP; four times the width if not given. */
      mlpWidth: z.int().min(1).max(16_384).exactOptional(),
    })
    .refine(({ width, heads }) => width % heads === 0, {
      path: ['heads'],
      error: 'must divide network.width',
    }),
  formerly: formerOptions,
  build: (options) => (inputs) => vit({ mlpWidth: 4 * options.width, ...options, ...inputs }),
});

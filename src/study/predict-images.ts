import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven, imageShapeSchema, sizeSchema } from '../core/given.js';
import { refuseNotFinite } from '../data/from-arrays.js';
import { networkSchema } from '../networks/forms.js';
import { refuseOtherValues } from '../runs/network-use.js';
import type { TrainedNetwork } from '../runs/trained-network.js';
import { logitsOf } from './logits.js';
import { named, type Prediction } from './predict-files.js';

/** Images that are asked about at once. */
const batchSize = 64;

const forms = {
  trained: z.object(
    { network: networkSchema, use: z.object({ classes: z.array(z.string()), imageShape: imageShapeSchema }) },
    { error: 'must be what loadTrainedNetwork gives' },
  ),
  images: z.union([z.instanceof(Uint8Array), z.instanceof(Uint8ClampedArray), z.instanceof(Float32Array)], {
    error: 'must be a Uint8Array, pixel values 0 to 255, or a Float32Array, values that are used as they are',
  }),
  top: sizeSchema,
};

/**
 * What a trained network says of images in memory, which are normalised as those were that it was trained on.
 *
 * @param images `[n, height, width, channels]`: bytes, or floating-point numbers where it was trained on such
 * @param top how many classes to name for each image
 * @returns of each image the likeliest classes, the likeliest first
 * @throws UserError if the images are of another size or kind than the network's, or not finite, or `top` is no whole
 * number from 1
 */
export function predictImages(
  trained: TrainedNetwork,
  images: Uint8Array | Uint8ClampedArray | Float32Array,
  top = 1,
): Prediction['classes'][] {
  checkGiven('predictImages', forms, { trained, images, top });
  const { network, use } = trained;
  const { classes, imageShape } = use;
  const values = images instanceof Uint8ClampedArray ? new Uint8Array(images) : images;
  refuseOtherValues(use, values instanceof Uint8Array ? 'bytes' : 'floats', 'those to predict are');
  const length = imageShape.reduce((product, side) => product * side, 1);
  if (values.length % length !== 0) {
    throw new UserError(
      `predictImages: ${values.length} values are no number of images of ${imageShape.join('×')}, as the network takes them`,
    );
  }
  refuseNotFinite(values, length, 'predictImages');
  const found: Prediction['classes'][] = [];
  for (let at = 0; at < values.length; at += batchSize * length) {
    const batch = values.subarray(at, at + batchSize * length);
    found.push(...logitsOf(network, batch, imageShape, use).map((logits) => named(classes, logits, top)));
  }
  return found;
}

import tf = require('@tensorflow/tfjs');
import type { AuxiliaryNet } from '../auxiliary/auxiliary.js';
import { quadrant, quadrants, quarter } from './quadrants.js';

/**
 * An auxiliary net that runs on each quadrant and averages what comes out; as its last layer is linear, that averages
 * the features before it. One net for all quadrants.
 *
 * Building it throws a UserError where the features have an odd size.
 */
export function averagedPatches(auxiliary: AuxiliaryNet): AuxiliaryNet {
  return (scope, site, outputs) => {
    const patch = quarter(site.features, 'features');
    const net = auxiliary(scope, { ...site, features: patch }, outputs);
    return {
      ...net,
      forward: (x, mode) =>
        tf.tidy(() => {
          const results = quadrants.map((position) =>
            net.forward(quadrant(x as tf.Tensor4D, position, patch), mode),
          );
          return tf.div(
            results.reduce((sum, result) => tf.add(sum, result)),
            quadrants.length,
          );
        }),
    };
  };
}

import tf = require('@tensorflow/tfjs');
import { addOp } from '../../../engine/fused/add.js';
import { evaluationMode, trainingMode } from '../../../engine/fused/ops.js';
import { ownedBy, recomputable, type Layer } from '../../../nn/layer.js';
import type { Bridge } from './bridge.js';

/**
 * A trained net and a momentum net that read the same features, as one layer of the trained one's parameters. It is
 * recomputed as a whole: the gradients of the features then add up in the same order as where nothing is.
 *
 * @param join what the nets make → the layer's result; both are its to dispose
 */
export function together(
  trained: Layer,
  averaged: Layer,
  join: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor = sum,
): Layer {
  return recomputable({
    ...ownedBy([trained, averaged]),
    parameters: trained.parameters,
    forward: (x, mode) =>
      join(trained.forward(x, mode), averaged.forward(x, { ...mode, parameterGradients: false })),
  });
}

/** How a bridge runs that is one layer. */
export const runsOf = (layer: Layer): Required<Pick<Bridge, 'forward' | 'evaluate'>> => ({
  forward: (x) => layer.forward(x, trainingMode) as tf.Tensor4D,
  evaluate: (x) => layer.forward(x, evaluationMode) as tf.Tensor4D,
});

/** a + b: nothing needs them for its gradient. */
function sum(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const result = addOp(a, b);
  tf.dispose([a, b]);
  return result;
}

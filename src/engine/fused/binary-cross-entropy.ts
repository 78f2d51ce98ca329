import tf = require('@tensorflow/tfjs');
import { differentiable, tidied } from './differentiable.js';
import type { FusedOp } from './fused-op.js';

/**
 * Mean binary cross-entropy of logits against targets in 0…1, of one shape; no gradient of the targets. The backward
 * pass may be taken once.
 */
type BinaryCrossEntropy = (logits: tf.Tensor, targets: tf.Tensor) => tf.Scalar;

export const binaryCrossEntropy: FusedOp<BinaryCrossEntropy> = {
  composed: (logits, targets) =>
    differentiable([logits], () => ({
      // max(x, 0) − x·t + log(1 + exp(−|x|)): no overflow at either end.
      y: tf.mean(
        tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), tf.log1p(tf.exp(tf.neg(tf.abs(logits))))),
      ),
      saved: [logits, targets],
      backward: (dy, [logit, target]) =>
        tidied(() => [tf.mul(tf.sub(tf.sigmoid(logit!), target!), tf.div(dy, targets.size))]),
    })),

  torch({ op, input, asFloat, wrap, isOwn }) {
    const forward = op('locallearn::binary_cross_entropy');
    const backward = op('locallearn::binary_cross_entropy_backward_');
    const clone = op('aten::clone');

    return (logits, targets) =>
      differentiable([logits], ({ isLast }) => {
        const [floats, floatTargets] = [asFloat(logits), asFloat(targets)];
        return {
          y: wrap(forward(input(floats), input(floatTargets))) as tf.Scalar,
          saved: [floats, floatTargets],
          backward: (dy, [savedLogits, savedTargets]) => {
            // The gradient is written over the logits, or over a copy where somebody else has them.
            const copy = isLast() && isOwn(savedLogits!) ? undefined : clone(input(savedLogits));
            const logit = copy ?? input(savedLogits);
            const gradient = backward(input(dy), logit, input(savedTargets));
            copy?.dispose();
            return [wrap(gradient)];
          },
        };
      });
  },
};

import * as tf from '@tensorflow/tfjs';
import { detach, isDetached, type LocalUpdate, type Parameter, type UpdateResult } from 'locallearn';
import type {} from 'locallearn/tfjs';

// Tensors of TensorFlow.js are the library's, and the library's TensorFlow.js's.
const ours: tf.Tensor2D = detach(tf.zeros([2, 3]) as tf.Tensor2D);
const total = (result: UpdateResult): tf.Tensor => tf.add(result.loss, tf.scalar(1));
const twice = ({ variable }: Parameter): tf.Tensor => tf.mul(variable, 2);
const update: LocalUpdate = {
  name: 'mean',
  variables: [tf.variable(tf.scalar(0))],
  forward: ({ x }) => ({ loss: tf.mean(x!) as tf.Scalar, streams: {} }),
};
console.log(isDetached(ours), total, twice, update);

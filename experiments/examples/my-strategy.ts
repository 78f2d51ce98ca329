// A plugin: a net, a loss and a method of one's own, which a config then names like the built-in ones.
// locallearn compare experiments/examples/my-strategy.yaml, or any config with --plugin ./my-strategy.ts
import * as tf from '@tensorflow/tfjs';
import {
  blockForward,
  childScope,
  classification,
  convBatchNorm,
  crossEntropy,
  cutIntoBlocks,
  defineAuxiliary,
  defineLoss,
  defineMethod,
  definePlugin,
  detach,
  evenCuts,
  globalAveragePool,
  headLoss,
  linear,
  sequential,
  trainableVariables,
  z,
  type LocalUpdate,
} from 'locallearn';
// Outside this repository: types of TensorFlow.js are those of locallearn.
import type {} from 'locallearn/tfjs';

/**
 * An auxiliary net: 1×1 convolution to a few channels, average over space, linear. Its parameters are named below the
 * scope, the site says what features `[n, height, width, channels]` it reads, and it returns `[n, outputs]`.
 */
const squeeze = defineAuxiliary({
  name: 'squeeze',
  // In YAML: `auxiliary: squeeze`, or `auxiliary: { name: squeeze, width: 16 }`. Anything else is refused.
  options: z.strictObject({ width: z.int().min(1).default(8) }),
  build:
    ({ width }) =>
    (scope, site, outputs) =>
      sequential([
        convBatchNorm(scope, ['conv', 'bn'], {
          inChannels: site.features.channels,
          outChannels: width,
          kernel: 1,
          relu: true,
        }),
        globalAveragePool,
        linear(childScope(scope, 'fc'), { inputs: width, outputs }),
      ]),
});

/** A loss: cross-entropy with smoothed labels. `classification` makes one of any function of outputs and labels. */
const smoothed = defineLoss({
  name: 'smoothed',
  options: z.strictObject({ smoothing: z.number().min(0).lt(1).default(0.1) }),
  build: ({ smoothing }) =>
    classification((logits, labels) =>
      tf.tidy(() => {
        const classes = labels.shape[1];
        const targets = tf.add(tf.mul(labels, 1 - smoothing), smoothing / classes);
        return crossEntropy(logits, targets as tf.Tensor2D);
      }),
    ),
});

/** Cross-entropy of the negative squared distances to the classes' mean features; no auxiliary net at all. */
function prototypeLoss(features: tf.Tensor4D, labels: tf.Tensor2D): tf.Scalar {
  const x = tf.mean<tf.Tensor2D>(features, [1, 2]);
  const counts = tf.maximum(tf.sum(labels, 0), 1).expandDims(1);
  const means = tf.div<tf.Tensor2D>(tf.matMul(labels, x, true, false), counts);
  const distances = tf.sum<tf.Tensor2D>(tf.square(tf.sub(x.expandDims(1), means.expandDims(0))), 2);
  return crossEntropy(tf.neg(distances), labels);
}

/** A method: how a network is trained, as a list of updates. Each sees detached features and hands on detached ones. */
const prototypes = defineMethod({
  name: 'prototypes',
  options: z.strictObject({ blocks: z.int().min(2).default(4) }),
  build(network, options) {
    const blocks = cutIntoBlocks(network, evenCuts(network, options.blocks, { stemJoined: true }));
    const updates = blocks.map((block, i): LocalUpdate => {
      if (i === blocks.length - 1) {
        return {
          name: 'head',
          variables: [...block.variables, ...trainableVariables([network.head])],
          forward: ({ x }, batch) => ({
            loss: headLoss(network, blockForward(block, x!, batch), batch),
            streams: {},
          }),
        };
      }
      return {
        name: `block ${i + 1}`,
        variables: block.variables,
        forward({ x }, batch) {
          const features = blockForward(block, x!, batch);
          return { loss: prototypeLoss(features, batch.labels), streams: { x: detach(features) } };
        },
      };
    });
    return {
      name: 'prototypes',
      network,
      blocks: blocks.length,
      partition: blocks.map(({ units }) => units.map(({ name }) => name)),
      updates,
      auxiliary: [],
      dispose() {},
    };
  },
});

export const plugin = definePlugin({ auxiliaries: [squeeze], losses: [smoothed], methods: [prototypes] });

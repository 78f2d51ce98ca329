import tf = require('@tensorflow/tfjs');
import { UserError } from '../core/errors.js';
import type { AttachedLoss } from '../local/axes/loss/loss.js';
import type { Bridge } from '../local/axes/bridge/bridge.js';
import type { Layer } from '../nn/layer.js';

/**
 * A tensor that a plugin's code has made, if it is of the shape that is expected.
 *
 * @param what made it, with the plugin's file
 * @param expected sizes, or names of sizes that may be any
 * @throws UserError that says both shapes
 */
function expectShape<T extends tf.Tensor>(what: string, expected: readonly (number | string)[], made: T): T {
  const fits =
    made instanceof tf.Tensor &&
    made.rank === expected.length &&
    expected.every((size, i) => typeof size === 'string' || size === made.shape[i]);
  if (fits) return made;
  const came = made instanceof tf.Tensor ? `made [${made.shape.join(', ')}]` : 'made no tensor';
  const wanted = expected.length === 0 ? 'one number (take its mean, tf.mean)' : `[${expected.join(', ')}]`;
  throw new UserError(`${what} ${came}, where ${wanted} is expected`);
}

/** An auxiliary net that is held to `[n, outputs]` in every pass. */
export function checkedNet(net: Layer, outputs: number, what: string): Layer {
  const { parameters, buffers, counters } = net;
  return {
    ...{ parameters, buffers },
    ...(counters === undefined ? {} : { counters }),
    forward: (x, mode) => expectShape(what, [x.shape[0]!, outputs], net.forward(x, mode)),
  };
}

/** A bridge that is held to maps. */
export function checkedBridge(bridge: Bridge, what: string): Bridge {
  const { trained, averaged, follows } = bridge;
  const expected = (x: tf.Tensor4D): (number | string)[] => [x.shape[0], 'height', 'width', 'channels'];
  return {
    ...{ trained, averaged },
    ...(follows === undefined ? {} : { follows }),
    forward: (x) => expectShape(what, expected(x), bridge.forward(x)),
    ...(bridge.evaluate === undefined
      ? {}
      : { evaluate: (x: tf.Tensor4D) => expectShape(what, expected(x), bridge.evaluate!(x)) }),
    after: () => bridge.after(),
  };
}

/** A loss that is held to one number, and its logits to a row an image. */
export function checkedLoss(attached: AttachedLoss, classes: number, what: string): AttachedLoss {
  const { layers, weights } = attached;
  return {
    layers,
    loss: (features, batch) => expectShape(what, [], attached.loss(features, batch)),
    ...(attached.logits === undefined
      ? {}
      : {
          logits: (features: tf.Tensor4D) =>
            expectShape(`${what}: logits`, [features.shape[0], classes], attached.logits!(features)),
        }),
    ...(weights === undefined ? {} : { weights }),
  };
}

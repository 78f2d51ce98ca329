import tf = require('@tensorflow/tfjs');
import { UserError } from '../core/errors.js';
import { theirPart } from '../core/foreign-frame.js';
import { asError, calling } from '../core/their-code.js';
import { isOutOfMemory } from '../engine/out-of-memory.js';
import type { AttachedLoss } from '../local/axes/loss/loss.js';
import type { Bridge } from '../local/axes/bridge/bridge.js';
import { unitBuilderOf } from '../networks/former-names.js';
import type { Network, Unit } from '../networks/network.js';
import type { Layer } from '../nn/layer.js';

/**
 * A tensor that a plugin's code makes, if it is of the shape that is expected.
 *
 * @param whose what makes it, with the plugin's file
 * @param x what it is made of
 * @throws UserError that says both shapes, or what is wrong with x where the code that found it is not the plugin's
 */
function made<T extends tf.Tensor>(
  whose: string,
  x: tf.Tensor,
  expected: readonly number[],
  make: () => T,
): T {
  const result = computed(whose, x, make);
  const fits =
    result instanceof tf.Tensor &&
    result.rank === expected.length &&
    expected.every((size, i) => size === result.shape[i]);
  if (fits) return result;
  const came = result instanceof tf.Tensor ? `made [${result.shape.join(', ')}]` : 'made no tensor';
  const wanted = expected.length === 0 ? 'one number (take its mean, tf.mean)' : `[${expected.join(', ')}]`;
  throw new UserError(`${whose} ${came}, where ${wanted} is expected`);
}

/** An operation that fails says neither whose it is nor, where layers of ours were put together, where. */
function computed<T>(whose: string, x: tf.Tensor, make: () => T): T {
  try {
    return make();
  } catch (thrown) {
    const error = asError(thrown, whose);
    const { frame, threw } = theirPart(error, import.meta.filename);
    // What their own code throws has a stack that tells more.
    if (error instanceof UserError || threw || isOutOfMemory(thrown)) throw error;
    const place = frame === undefined ? '' : ` (${frame.file}:${frame.line})`;
    throw new UserError(`${whose}, given [${x.shape.join(', ')}]: ${error.message}${place}`, {
      cause: error,
    });
  }
}

/** A layer that is held to a shape in every pass. */
function checkedLayer(layer: Layer, whose: string, expected: (x: tf.Tensor) => readonly number[]): Layer {
  const { parameters, buffers, counters } = layer;
  return {
    ...{ parameters, buffers },
    ...(counters === undefined ? {} : { counters }),
    forward: (x, mode) => made(whose, x, expected(x), () => layer.forward(x, mode)),
  };
}

/** An auxiliary net that is held to `[n, outputs]`. */
export function checkedNet(net: Layer, outputs: number, whose: string): Layer {
  return checkedLayer(net, whose, (x) => [x.shape[0]!, outputs]);
}

/** A network whose units are held to the maps that they say they make, and whose head to a row of logits an image. */
export function checkedNetwork(network: Network, whose: string): Network {
  const { name, imageShape, classes, seed, units, head } = network;
  const buildUnit = unitBuilderOf(network);
  return {
    ...network,
    // Of an instance of a class too.
    ...{ name, imageShape, classes, seed },
    units: units.map((unit) => {
      const { stage, index, output } = unit;
      const { height, width, channels } = output;
      const own = `${whose}: unit '${unit.name}'`;
      const checked = (layer: Layer): Layer =>
        checkedLayer(layer, own, (x) => [x.shape[0]!, height, width, channels]);
      return {
        ...unit,
        ...{ name: unit.name, stage, index, output },
        layer: checked(unit.layer),
        build: (scope) => checked(calling(own, () => unit.build(scope))),
      };
    }),
    head: checkedNet(head, classes, `${whose}: the head`),
    buildUnit: (scope, options) => {
      const { stride, outChannels } = options;
      return checkedLayer(
        calling(whose, () => buildUnit(scope, options)),
        `${whose}: a unit of buildUnit`,
        ({ shape: [n, height, width] }) => [
          ...[n!, Math.ceil(height! / stride), Math.ceil(width! / stride), outChannels],
        ],
      );
    },
  };
}

/** A bridge that is held to maps as the next block's first unit makes. */
export function checkedBridge(bridge: Bridge, next: Unit, whose: string): Bridge {
  const { height, width, channels } = next.output;
  const { trained, averaged, follows } = bridge;
  const map = (x: tf.Tensor4D, make: () => tf.Tensor4D): tf.Tensor4D =>
    made(whose, x, [x.shape[0], height, width, channels], make);
  return {
    ...{ trained, averaged },
    ...(follows === undefined ? {} : { follows }),
    forward: (x) => map(x, () => bridge.forward(x)),
    ...(bridge.evaluate === undefined
      ? {}
      : { evaluate: (x: tf.Tensor4D) => map(x, () => bridge.evaluate!(x)) }),
    after: () => calling(whose, () => bridge.after()),
  };
}

/** A loss that is held to one number, and its logits to a row an image. */
export function checkedLoss(attached: AttachedLoss, classes: number, whose: string): AttachedLoss {
  const { layers, weights } = attached;
  return {
    layers,
    loss: (features, batch) => made(whose, features, [], () => attached.loss(features, batch)),
    ...(attached.logits === undefined
      ? {}
      : {
          logits: (features: tf.Tensor4D) =>
            made(`${whose}: logits`, features, [features.shape[0], classes], () =>
              attached.logits!(features),
            ),
        }),
    ...(weights === undefined ? {} : { weights }),
  };
}

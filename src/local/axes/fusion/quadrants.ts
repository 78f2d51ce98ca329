import tf = require('@tensorflow/tfjs');
import { UserError } from '../../../core/errors.js';
import type { MapShape } from '../../../networks/network.js';

/** Row and column of each quadrant, in the published code's order: along the rows first. */
export const quadrants = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** A quadrant of `[n, 2·height, 2·width, c]`. */
export function quadrant(
  x: tf.Tensor4D,
  [row, column]: readonly [number, number],
  { height, width }: MapShape,
): tf.Tensor4D {
  return tf.slice(x, [0, row * height, column * width, 0], [-1, height, width, -1]);
}

/** The map of these quadrants, which are given up. */
export function joinQuadrants(parts: readonly tf.Tensor[]): tf.Tensor {
  const join = (first: tf.Tensor, second: tf.Tensor, axis: number): tf.Tensor => {
    const joined = tf.concat([first, second], axis);
    tf.dispose([first, second]);
    return joined;
  };
  const [topLeft, topRight, bottomLeft, bottomRight] = parts as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  return join(join(topLeft, topRight, 2), join(bottomLeft, bottomRight, 2), 1);
}

/** The shape of a quadrant; height and width must be even. */
export function quarter({ height, width, channels }: MapShape, what: string): MapShape {
  if (height % 2 === 0 && width % 2 === 0) return { height: height / 2, width: width / 2, channels };
  throw new UserError(
    `fusion by patches halves height and width, but the ${what} are ${height}×${width}; use fusion 'whole' or cut elsewhere`,
  );
}

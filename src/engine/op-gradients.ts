import tf = require('@tensorflow/tfjs');
import { UserError } from '../core/errors.js';
import { isGivenUp, nextTensorId, type TapeNode } from './tape.js';

/**
 * The gradients of an op's inputs, one after another as they are computed, each the caller's: one that stands for several
 * inputs, or is not the op's to give away (a variable, what a plugin keeps), is cloned.
 *
 * @param dys of the op's outputs, undefined where nothing depends on one
 * @param asked inputs by their names
 * @throws UserError where one has not the shape of its input, or is no float32: TensorFlow.js's operations would broadcast it
 */
export function* inputGradients(
  node: TapeNode,
  dys: readonly tf.Tensor[],
  asked: readonly (readonly [name: string, x: tf.Tensor])[],
): Generator<readonly [x: tf.Tensor, dx: tf.Tensor]> {
  if (node.gradient === undefined) throw new Error(`there is no gradient of the op ${node.kernelName}`);
  const start = nextTensorId();
  const found = node.gradient([...dys]);
  const made = nextTensorId();
  const owns: tf.Tensor[] = [];
  const own = (i: number): tf.Tensor => {
    const [name, x] = asked[i]!;
    return (owns[i] ??= checked(
      name,
      x,
      tf.tidy(() => found[name]!()),
    ));
  };
  for (const [i, [, x]] of asked.entries()) {
    const dx = own(i);
    // It was there before it was asked for, as the others may be.
    if (dx.id < made) asked.forEach((_, j) => own(j));
    // A sum that it was given up may have been kept from update to update.
    const isItsOwn = (isGivenUp(dx) || (dx.id >= start && !dx.kept)) && !dys.includes(dx);
    yield [x, isItsOwn && owns.lastIndexOf(dx) === i ? dx : dx.clone()];
  }
}

function checked(name: string, x: tf.Tensor, dx: tf.Tensor): tf.Tensor {
  if (dx.dtype === 'float32' && dx.shape.join() === x.shape.join()) return dx;
  const of = x instanceof tf.Variable ? x.name : `input '${name}'`;
  throw new UserError(
    `the gradient of ${of} came as [${dx.shape.join(', ')}] of ${dx.dtype}, and must be [${x.shape.join(', ')}] of float32: mend the custom gradient that gives it`,
  );
}

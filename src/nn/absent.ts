import tf = require('@tensorflow/tfjs');

/** What absent variables have for data: nothing that an engine knows. */
const ids = new WeakSet<object>();
let made = 0;

function freshId(): object {
  const id = {};
  ids.add(id);
  return id;
}

/**
 * A float32 variable that has a shape, but no values and no memory until something is assigned to it. An op that reads
 * it before fails.
 */
export function absentVariable(shape: readonly number[]): tf.Variable {
  // TensorFlow.js numbers tensors by itself: one of its own gives this one a number.
  const numbered = tf.scalar(0);
  const { id } = numbered;
  numbered.dispose();
  const value = { shape: [...shape], dtype: 'float32', dataId: freshId() } as unknown as tf.Tensor;
  const variable = new tf.Variable(value, true, `absent ${made++}`, id);
  tf.engine().state.registeredVariables[variable.name] = variable;
  return variable;
}

/** Whether a variable has no values. */
export function isAbsent({ dataId }: tf.Variable): boolean {
  return ids.has(dataId);
}

/** Frees a variable's memory and leaves it absent. */
export function makeAbsent(variable: tf.Variable): void {
  if (isAbsent(variable)) return;
  tf.engine().disposeTensor(variable as tf.Tensor);
  variable.dataId = freshId();
}

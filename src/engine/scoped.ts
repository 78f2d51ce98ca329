import tf = require('@tensorflow/tfjs');

/** `tf.tidy` for a result that is not made of tensors: those that f makes are freed, but for what it keeps. */
export function scoped<T>(f: () => T): T {
  let result: T;
  tf.tidy(() => {
    result = f();
  });
  return result!;
}

import * as tf from '@tensorflow/tfjs';

/**
 * Runs f as if no gradient were being recorded around it: inside, `tf.grads` and `tf.variableGrads` work as at top
 * level and free their tape when they end; without them, nothing is recorded at all. TensorFlow.js has one tape for
 * all nested gradient scopes and no public way to set it aside, so this swaps the engine's own state; it is the only
 * place that does.
 */
export function outsideTape<T>(f: () => T): T {
  const state = tf.engine().state;
  const { activeTape, gradientDepth, kernelDepth } = state;
  state.gradientDepth = 0;
  state.kernelDepth = 0;
  try {
    return f();
  } finally {
    state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
    state.kernelDepth = kernelDepth;
  }
}

import tf = require('@tensorflow/tfjs');

/** Which gradients a backward pass asks for, and whether it is the last one over what was saved. */
export interface Pass {
  wants(x: tf.Tensor): boolean;
  readonly last: boolean;
  /** What the gradient of x is added to, where nothing has been yet: given up to who asks. */
  takeSum?(x: tf.Tensor): tf.Tensor | undefined;
}

const plainPass: Pass = { wants: () => true, last: true };
let currentPass = plainPass;

/** Whether the backward pass that is under way asks for the gradient of x, which an op recorded as its input. */
export const isWanted = (x: tf.Tensor): boolean => currentPass.wants(x);

const givenUp = new WeakSet<tf.Tensor>();

/** Takes what the gradient of x is to be added to, from the backward pass that is under way. */
export function takeSum(x: tf.Tensor): tf.Tensor | undefined {
  const sum = currentPass.takeSum?.(x);
  if (sum !== undefined) givenUp.add(sum);
  return sum;
}

/** Whether `takeSum` has given up a tensor: to add a gradient to in place, and give back as that. */
export const isGivenUp = (sum: tf.Tensor): boolean => givenUp.has(sum);

/** Whether nobody reads what an op saved after the backward pass that is under way: it may be freed, or written over. */
export const isLastPass = (): boolean => currentPass.last;

/** Whether an op that is called now is put on a tape, so that a backward pass over it may come. */
export function isRecording(): boolean {
  const { gradientDepth, kernelDepth } = tf.engine().state;
  return gradientDepth !== 0 && kernelDepth === 0;
}

/**
 * Runs f as if no gradient were being recorded around it: inside, `tf.grads` and `tf.variableGrads` work as at top
 * level and free their tape when they end; without them, nothing is recorded at all. TensorFlow.js has one tape for
 * all nested gradient scopes and no public way to set it aside, so this swaps the engine's own state; this file is the
 * only place that does. Where f throws, what its ops saved for a backward pass is freed: TensorFlow.js leaves it.
 */
export function outsideTape<T>(f: () => T): T {
  const state = tf.engine().state;
  const { activeTape, gradientDepth, kernelDepth } = state;
  const pass = currentPass;
  state.gradientDepth = 0;
  state.kernelDepth = 0;
  currentPass = plainPass;
  try {
    return f();
  } catch (error) {
    if (state.activeTape !== activeTape) for (const { saved } of state.activeTape ?? []) tf.dispose(saved);
    throw error;
  } finally {
    state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
    state.kernelDepth = kernelDepth;
    currentPass = pass;
  }
}

/** One op that ran, as TensorFlow.js records it. */
export type TapeNode = NonNullable<ReturnType<typeof tf.engine>['state']['activeTape']>[number];

/** Runs f on a tape of its own, whose nodes are added to `tape`, even where f throws. */
export function onTape<T extends tf.Tensor>(tape: TapeNode[], f: () => T): T {
  return outsideTape(() => {
    const { state } = tf.engine();
    state.activeTape = tape;
    state.gradientDepth = 1;
    return tf.tidy(f);
  });
}

/** Whether what is being recorded leads from any of these tensors to x, so that x has a gradient; true where nothing is. */
export function isReached(x: tf.Tensor, sources: readonly tf.Tensor[]): boolean {
  const tape = tf.engine().state.activeTape;
  if (tape === undefined || tape === null) return true;
  const reached = new Set(sources.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (!Object.values(inputs).some(({ id }) => reached.has(id))) continue;
    for (const { id } of outputs) reached.add(id);
  }
  return reached.has(x.id);
}

/** What ops are being recorded on, if they are. */
export const currentTape = (): object | undefined => tf.engine().state.activeTape ?? undefined;

/** What the op that made y saved for its backward pass, where it was recorded just now. */
export const savedOf = (y: tf.Tensor): readonly tf.Tensor[] | undefined => lastNode(y)?.saved;

function lastNode(y: tf.Tensor): TapeNode | undefined {
  const node = tf.engine().state.activeTape?.at(-1);
  return node?.outputs.some(({ id }) => id === y.id) ? node : undefined;
}

/** Has f called whenever a gradient of the op that made y, and was recorded just now, is computed; once for each input. */
export function onGradients(y: tf.Tensor, f: () => void): void {
  const node = lastNode(y);
  const gradient = node?.gradient;
  if (gradient === undefined) return;
  node!.gradient = (dys) =>
    Object.fromEntries(
      Object.entries(gradient(dys)).map(([input, compute]) => [
        input,
        () => {
          f();
          return compute();
        },
      ]),
    );
}

/** Runs f as a backward pass; nothing is recorded. */
export function inPass<T>(pass: Pass, f: () => T): T {
  return outsideTape(() => {
    currentPass = pass;
    return f();
  });
}

/** What every tensor that is made from now on has an id above, and all before below. */
export const nextTensorId = (): number =>
  (tf.engine() as unknown as { nextTensorId(): number }).nextTensorId();

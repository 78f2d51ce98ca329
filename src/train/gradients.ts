import type * as tf from '@tensorflow/tfjs';
import { fused } from '../engine/fused/registry.js';
import { clipGradients, type Clip } from './clip.js';
import type { Optimizer } from './optimizer.js';

/** Gradients by the variables that they are of. */
export type Gradients = ReadonlyMap<tf.Variable, tf.Tensor>;

/** Gradients that wait for their variables to be stepped, added up over updates. */
export type PendingGradients = Map<tf.Variable, tf.Tensor>;

/** One update's gradients, clipped as all of them together; those given are given up. */
export function clippedGradients(gradients: Gradients, clip: Clip | undefined): Gradients {
  if (clip === undefined) return gradients;
  const clipped = clipGradients([...gradients.values()], clip);
  return new Map([...gradients.keys()].map((variable, i) => [variable, clipped[i]!]));
}

/** Adds gradients to those pending; those given are given up. */
export function addGradients(pending: PendingGradients, gradients: Gradients): void {
  for (const [variable, gradient] of gradients) {
    const sum = pending.get(variable);
    pending.set(variable, sum === undefined ? gradient : fused().accumulate(sum, gradient));
  }
}

/**
 * Steps those variables that have a gradient pending, and frees it.
 *
 * @param steps which variables may be stepped now, each with its factor of the learning rate
 */
export function stepReady(
  pending: PendingGradients,
  steps: ReadonlyMap<tf.Variable, number>,
  optimizer: Optimizer,
  learningRate: number,
): void {
  const ready = [...steps.keys()].filter((variable) => pending.has(variable));
  for (const factor of new Set(ready.map((variable) => steps.get(variable)!))) {
    const group = ready.filter((variable) => steps.get(variable) === factor);
    optimizer.step(
      group,
      group.map((variable) => pending.get(variable)!),
      learningRate * factor,
    );
  }
  for (const variable of ready) {
    pending.get(variable)!.dispose();
    pending.delete(variable);
  }
}

/** Frees gradients that nothing is made of. */
export function freeGradients(gradients: Gradients): void {
  for (const gradient of gradients.values()) gradient.dispose();
}

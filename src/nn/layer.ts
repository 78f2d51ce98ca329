import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import type { Mode } from '../engine/fused/ops.js';
import { nextPlace, recomputed, recomputeInForce, withRecompute } from '../engine/recompute.js';
import type { Recompute } from '../engine/recompute-choices.js';
import { layerSchema } from './forms.js';
import type { Parameter } from './parameters.js';

/** How often something happened: what a checkpoint has to keep beside tensors. */
export interface Counter {
  /** `bn1.num_batches_tracked`, `classifier.2.passes`. */
  readonly name: string;
  /** Whether PyTorch's `state_dict` has it. */
  readonly torch: boolean;
  /** Times so far. */
  value: number;
  /** Which of the ranks' shares of every batch it runs on, where there are several: it draws other numbers on each. */
  share?: number;
}

/** Frozen data and a call. A layer never disposes what it is given; it returns a new tensor. */
export interface Layer {
  /** Trained by gradients, in PyTorch's order. */
  readonly parameters: readonly Parameter[];
  /** Running statistics. */
  readonly buffers: readonly Parameter[];
  /** Training passes so far, of batch norms and of layers that draw random numbers; a resumed run restores them. */
  readonly counters?: readonly Counter[];
  /**
   * Runs the layer.
   *
   * @param x never disposed here
   * @returns a new tensor, the caller's to dispose
   */
  forward(x: tf.Tensor, mode: Mode): tf.Tensor;
}

/**
 * A layer without parameters.
 *
 * @param forward returns a new tensor and disposes nothing that it is given
 */
export function pureLayer(forward: (x: tf.Tensor) => tf.Tensor): Layer {
  return { parameters: [], buffers: [], forward };
}

const layersForms = { layers: z.array(layerSchema) };

/**
 * Joins layers into one that runs one after another. Each layer's input, but the first, is disposed when the next has
 * read it.
 */
export function sequential(layers: readonly Layer[]): Layer {
  checkGiven('sequential', layersForms, { layers });
  return { ...ownedBy(layers), forward: (x, mode) => forwardThrough(layers, x, mode) };
}

/**
 * Runs one layer after another, as `sequential` does, for layers that live in other objects.
 *
 * @returns a new tensor, even for no layers
 */
export function forwardThrough(layers: readonly Layer[], x: tf.Tensor, mode: Mode): tf.Tensor {
  return inTurn(mode.training && recomputeInForce() !== 'none' ? segments(layers) : layers, x, mode);
}

/** As `forwardThrough`, whatever is recomputed. */
export function inTurn(layers: readonly Layer[], x: tf.Tensor, mode: Mode): tf.Tensor {
  let current = x;
  for (const layer of layers) {
    const next = layer.forward(current, mode);
    if (current !== x) current.dispose();
    current = next;
  }
  return current === x ? x.clone() : current;
}

/** The layers as they are recomputed: those with batch normalisation; of others only the input is kept anyway. */
const segments = (layers: readonly Layer[]): Layer[] =>
  layers.map((layer) => (layer.buffers.length > 0 ? recomputable(layer) : layer));

/** What several layers own together. */
export function ownedBy(
  layers: readonly Layer[],
): Required<Pick<Layer, 'parameters' | 'buffers' | 'counters'>> {
  return {
    parameters: layers.flatMap((layer) => layer.parameters),
    buffers: layers.flatMap((layer) => layer.buffers),
    counters: layers.flatMap((layer) => layer.counters ?? []),
  };
}

/** Lists the variables of the layers' parameters: what gradients may change. */
export function trainableVariables(layers: readonly Layer[]): tf.Variable[] {
  checkGiven('trainableVariables', layersForms, { layers });
  return layers.flatMap((layer) => layer.parameters.map((parameter) => parameter.variable));
}

/**
 * A layer that, where recomputing is in force, keeps its input alone for the backward pass, and makes again there all
 * else that it would keep. The numbers are the same to the last bit: running statistics and counters move once, and
 * dropout draws its mask again.
 *
 * @param within what is recomputed of what is made again
 */
export function recomputable(layer: Layer, within: Recompute = 'none'): Layer {
  const { counters = [] } = layer;
  const values = (): readonly number[] => counters.map(({ value }) => value);
  const set = (to: readonly number[]): void => counters.forEach((counter, i) => (counter.value = to[i]!));
  return {
    ...layer,
    forward(x, mode) {
      if (!mode.training || recomputeInForce() === 'none') return layer.forward(x, mode);
      const { again: makesAgain, reached } = nextPlace();
      if (!makesAgain) return withRecompute(within, () => layer.forward(x, mode));
      const before = values();
      return recomputed(x, {
        within,
        ...(reached === undefined ? {} : { reached }),
        variables: mode.parameterGradients ? trainableVariables([layer]) : [],
        run: (input) => layer.forward(input, mode),
        again(input) {
          const now = values();
          set(before);
          try {
            return layer.forward(input, { ...mode, passes: 0 });
          } finally {
            set(now);
          }
        },
      });
    },
  };
}

export function disposeLayer(layer: Layer): void {
  for (const { variable } of [...layer.parameters, ...layer.buffers]) variable.dispose();
}

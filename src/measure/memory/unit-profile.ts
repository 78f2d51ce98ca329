import tf = require('@tensorflow/tfjs');
import { detach } from '../../engine/detached.js';
import type { MemoryMeter } from '../../engine/engine.js';
import { trainingMode } from '../../engine/fused/ops.js';
import { withPrecision } from '../../engine/precision.js';
import { variableGradients } from '../../engine/recording.js';
import { scoped } from '../../engine/scoped.js';
import type { Network } from '../../networks/network.js';
import { trainableVariables, type Layer } from '../../nn/layer.js';
import { noiseBatch } from '../../local/noise-batch.js';
import type { BatchShape } from './measure.js';

/** What one unit takes, in bytes of the engine's meter beyond what was in use before it, its input included. */
export interface UnitProfile {
  /** Of the features it reads; the first unit's are the images. */
  readonly inputBytes: number;
  /** Of the features it returns. */
  readonly outputBytes: number;
  /** What its forward pass keeps for its backward pass. */
  readonly keptBytes: number;
  /** The most during its forward pass. */
  readonly forwardBytes: number;
  /** The most during its backward pass, the gradient that comes to it included, as the first unit of a block. */
  readonly firstBackwardBytes: number;
  /** The same as a later unit, which computes its input's gradient too. */
  readonly innerBackwardBytes: number;
  /** What stays in use when its backward pass is over, beside the gradient of its input. */
  readonly leftBytes: number;
}

/** Measures each unit by itself, forward and backward, on random images: as much work as two steps of BP. */
export function profileUnits(
  meter: MemoryMeter,
  network: Network,
  { precision = 'float32', ...shape }: BatchShape,
): readonly UnitProfile[] {
  return withPrecision(precision, () => profileEach(meter, network, shape, precision === 'bf16' ? 2 : 4));
}

/** @param width bytes of a value of a feature map */
function profileEach(
  meter: MemoryMeter,
  network: Network,
  { batchSize, microBatch = batchSize, seed }: BatchShape,
  width: number,
): readonly UnitProfile[] {
  const batch = noiseBatch(network, microBatch, seed);
  let input = keptOutOf(() => batch().images);
  const profiles: UnitProfile[] = [];
  try {
    network.units.forEach(({ layer }) => {
      const first = passes(meter, layer, input, false);
      const inner = passes(meter, layer, input, true);
      const output = keptOutOf(() => layer.forward(input, trainingMode));
      profiles.push({
        inputBytes: (profiles.length === 0 ? 4 : width) * input.size,
        outputBytes: width * output.size,
        keptBytes: first.kept,
        forwardBytes: first.forward,
        firstBackwardBytes: first.backward,
        innerBackwardBytes: inner.backward,
        leftBytes: inner.left - width * input.size,
      });
      input.dispose();
      input = output;
    });
  } finally {
    input.dispose();
  }
  return profiles;
}

interface Passes {
  readonly kept: number;
  readonly forward: number;
  readonly backward: number;
  /** In use after the backward pass; 0 unless the input asked for its gradient. */
  readonly left: number;
}

/** A forward and a backward pass of one layer; with `inner`, its input asks for a gradient too. */
function passes(meter: MemoryMeter, layer: Layer, input: tf.Tensor, inner: boolean): Passes {
  return scoped(() => {
    const variables = trainableVariables([layer]);
    const leaf = inner ? tf.variable(input) : undefined;
    const before = meter.current();
    const used = (): number => meter.current() - before;
    let kept = 0;
    let forward = 0;
    let left = 0;
    meter.reset();
    const run = (): tf.Scalar => {
      const x = leaf === undefined ? input : whenGradient(leaf, () => (left = used()));
      const output = layer.forward(x, trainingMode);
      if (x !== input) x.dispose();
      kept = used();
      forward = meter.peak() - before;
      meter.reset();
      const loss = freeScalar(output);
      output.dispose();
      return loss;
    };
    try {
      const asked = leaf === undefined ? variables : [...variables, leaf];
      const { value, gradients } = variableGradients(run, asked);
      const backward = meter.peak() - before;
      value.dispose();
      gradients.forEach((gradient) => gradient.dispose());
      return { kept, forward, backward, left };
    } finally {
      leaf?.dispose();
    }
  });
}

/** x, calling f as soon as its whole gradient is there. */
function whenGradient(x: tf.Tensor, f: () => void): tf.Tensor {
  const op = tf.customGrad(() => ({
    value: x.clone(),
    gradFunc: (dy: tf.Tensor) => {
      f();
      return dy.clone();
    },
  }));
  return op(x);
}

/** A loss that keeps nothing and whose gradient is as large as x: what a unit gets from those behind it. */
function freeScalar(x: tf.Tensor): tf.Scalar {
  const { shape } = x;
  const op = tf.customGrad(() => ({ value: tf.scalar(0), gradFunc: () => tf.zeros(shape) }));
  return op(x) as tf.Scalar;
}

/** A detached tensor, the caller's to dispose; everything else that f makes is freed. */
function keptOutOf(f: () => tf.Tensor): tf.Tensor {
  return scoped(() => detach(f()));
}

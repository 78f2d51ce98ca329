import tf = require('@tensorflow/tfjs');
import { expect } from 'vitest';
import { randomStream } from '../../../src/core/random.js';
import { numericGradient } from './reference.js';

/** A tensor that an op is given: values drawn from a normal distribution, each as `value` makes it. */
export interface Drawn {
  readonly name: string;
  readonly shape: readonly number[];
  readonly value?: (drawn: number) => number;
}

/** One way to call an op, and what it computes, in float64, from its definition. */
export interface OpCase {
  readonly name: string;
  /** All that it has gradients of. */
  readonly inputs: readonly Drawn[];
  /** Running statistics: the op reads and moves them. */
  readonly running?: readonly Drawn[];
  readonly op: (inputs: readonly tf.Tensor[], running: readonly tf.Variable[]) => tf.Tensor;
  readonly reference: (inputs: readonly Float64Array[], running: readonly Float64Array[]) => Float64Array;
  /** The running statistics afterwards. */
  readonly moved?: (
    inputs: readonly Float64Array[],
    running: readonly Float64Array[],
  ) => readonly Float64Array[];
  /** Inputs whose gradient is 0 by definition: what is left of it is rounding. */
  readonly flat?: readonly string[];
  /** Largest differences relative to the largest value; 1e-5 by default. */
  readonly tolerance?: { readonly values: number; readonly gradients: number };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
const tensor = (values: Float64Array, shape: readonly number[]): tf.Tensor =>
  tf.tensor(Float32Array.from(values), [...shape]);
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function expectClose(found: tf.Tensor, expected: Float64Array, tolerance: number): void {
  const values = found.dataSync();
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  expect(values.length).toBe(expected.length);
  expect(Math.max(...expected.map((value, i) => Math.abs(values[i]! - value) / scale))).toBeLessThan(
    tolerance,
  );
}

/** What a case is given, and what its definition makes of it. */
interface Defined {
  readonly given: readonly Float64Array[];
  readonly statistics: readonly Float64Array[];
  readonly expected: Float64Array;
  /** Of the output, in the loss whose gradients are compared. */
  readonly weights: Float64Array;
  /** Numeric, by input. */
  readonly gradients: readonly Float64Array[];
}

/** By case, for all engines: to find gradients by differences takes most of the time. */
const known = new Map<OpCase, Defined>();

function definedOf(test: OpCase): Defined {
  const found = known.get(test) ?? define(test);
  known.set(test, found);
  return found;
}

function define({ name, inputs, running = [], reference }: OpCase): Defined {
  // No ReLU's input may lie within rounding of 0, where gradients jump: hence a seed that was tried.
  const random = randomStream(2, 'fused ops', name);
  const draw = ({ shape, value = (drawn) => drawn }: Omit<Drawn, 'name'>): Float64Array =>
    Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(value(random.normal())));
  const given = inputs.map(draw);
  const statistics = running.map(draw);
  const expected = reference(given, statistics);
  const weights = draw({ shape: [expected.length] });
  const gradients = given.map((values, i) =>
    numericGradient((at) => dot(reference(given.with(i, at), statistics), weights), values),
  );
  return { given, statistics, expected, weights, gradients };
}

/** Values, running statistics and all gradients are the definition's, and no tensor is left. */
export function checkOp(test: OpCase): void {
  const { inputs, running = [], op, moved, flat = [] } = test;
  const tolerance = test.tolerance ?? { values: 1e-5, gradients: 1e-5 };
  const { given, statistics, expected, weights, gradients } = definedOf(test);

  const before = tf.memory().numTensors;
  const xs = given.map((values, i) => tensor(values, inputs[i]!.shape));
  const variables = (): tf.Variable[] =>
    statistics.map((values, i) => tf.tidy(() => tf.variable(tensor(values, running[i]!.shape))));
  // Without a tape nothing is kept for a gradient, and an op may take other ways to the same bits.
  const unused = variables();
  const unrecorded = tf.tidy(() => op(xs, unused));
  const { shape } = unrecorded;
  const moving = variables();
  const dy = tensor(weights, shape);
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => op(tensors, moving))(xs, dy);

  expectClose(value, expected, tolerance.values);
  expect(value.dataSync()).toEqual(unrecorded.dataSync());
  inputs.forEach(({ name, shape }, i) => {
    expect(grads[i]!.shape).toEqual(shape);
    if (flat.includes(name)) {
      expect(Math.max(...grads[i]!.dataSync().map(Math.abs))).toBeLessThan(1e-4);
      return;
    }
    expectClose(grads[i]!, gradients[i]!, tolerance.gradients);
  });
  moved?.(given, statistics).forEach((values, i) => expectClose(moving[i]!, values, tolerance.values));

  expect(dy.isDisposed).toBe(false);
  tf.dispose([value, unrecorded, dy, ...unused, ...moving, ...grads, ...xs]);
  expect(tf.memory().numTensors).toBe(before);
}

import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { scopeSchema } from './forms.js';
import { UserError } from '../core/errors.js';
import { checkGiven, functionSchema, sizeSchema } from '../core/given.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { randomStream, type RandomStream } from '../core/random.js';
import { absentVariable, isAbsent } from './absent.js';

/** A named tensor that a layer owns: trained, or (running statistics) kept up by its forward pass. */
export interface Parameter {
  /** PyTorch's name: `layer1.0.conv1.weight`. */
  readonly name: string;
  /** In TensorFlow.js's layout: filters `[h, w, in, out]`, matrices `[in, out]`. */
  readonly variable: tf.Variable;
}

/**
 * What a parameter is to the layer that made it: a `bias`; the scale or the shift of a normalisation, `norm`; its running
 * `statistics`; or any other, a `weight`.
 */
export type ParameterRole = 'weight' | 'bias' | 'norm' | 'statistics';

/** A tensor in PyTorch's layout: convolutions `[out, in, h, w]`, linear `[out, in]`, row-major. */
export interface TorchTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Where layers get their names and initial values from. A child's name is appended with a dot; each tensor draws
 * from a random stream named after itself, so that no layer's values depend on what was built before it.
 */
export interface Scope {
  readonly name: string;
  readonly seed: number;
}

const rootForms = { seed: z.int(), name: z.string() };

/**
 * The scope that all others begin in.
 *
 * @param name in front of all names below it; none by default
 */
export function rootScope(seed: number, name = ''): Scope {
  checkGiven('rootScope', rootForms, { seed, name });
  return { name, seed };
}

const childForms = { scope: scopeSchema };

/** A scope below another: `name` follows with a dot. */
export function childScope(scope: Scope, name: string | number): Scope {
  checkGiven('childScope', childForms, { scope });
  return { name: scope.name === '' ? String(name) : `${scope.name}.${name}`, seed: scope.seed };
}

/** Draws one initial value of a parameter. */
export type Initializer = (random: RandomStream) => number;

/** All of one value. */
export const constant =
  (value: number): Initializer =>
  () =>
    value;
/** Of a normal distribution around 0 with this standard deviation. */
export const normal =
  (deviation: number): Initializer =>
  (random) =>
    random.normal() * deviation;
/** Evenly between −bound and bound. */
export const uniform =
  (bound: number): Initializer =>
  (random) =>
    (2 * random.uniform() - 1) * bound;

/** How a layer's weight and bias start. */
export interface InitialValues {
  readonly weight: Initializer;
  readonly bias: Initializer;
}

/** Axes that take PyTorch's layout to TensorFlow.js's, by rank. */
const fromTorchAxes: Readonly<Record<number, readonly number[]>> = { 4: [2, 3, 1, 0], 2: [1, 0] };
const toTorchAxes: Readonly<Record<number, readonly number[]>> = { 4: [3, 2, 0, 1], 2: [1, 0] };

/** Axis i of a tensor of this rank in PyTorch's layout is axis `torchAxes(rank)[i]` in TensorFlow.js's. */
export function torchAxes(rank: number): readonly number[] {
  return toTorchAxes[rank] ?? Array.from({ length: rank }, (_, axis) => axis);
}

/** How parameters begin: with values that are drawn, with 0, or without values and memory. */
let beginning: 'drawn' | 'zero' | 'absent' = 'drawn';

function making<T>(how: typeof beginning, f: () => T): T {
  const before = beginning;
  beginning = how;
  try {
    return f();
  } finally {
    beginning = before;
  }
}

/**
 * Runs f, which is synchronous, so that parameters made in it are all 0 and nothing is drawn: for what is only asked
 * whether it can be built, as drawing takes most of the time.
 */
export function withoutDrawing<T>(f: () => T): T {
  return making('zero', f);
}

/**
 * Runs f, which is synchronous, so that parameters made in it have names and shapes, but no values and no memory until
 * `drawAbsent` gives them theirs: for a process that holds a part of what it builds.
 */
export function withoutMemory<T>(f: () => T): T {
  return making('absent', f);
}

/** What absent variables are going to start with. */
const starts = new WeakMap<tf.Variable, () => tf.Tensor>();

/** Gives absent variables the values that they would have been made with; others stay as they are. */
export function drawAbsent(variables: Iterable<tf.Variable>): void {
  for (const variable of variables) {
    const start = isAbsent(variable) ? starts.get(variable) : undefined;
    if (start !== undefined) tf.tidy(() => variable.assign(start()));
  }
}

/**
 * Lets variables start with the values that others have, or are going to be drawn with.
 *
 * @param sources as many, of the same shapes
 */
export function startAs(variables: readonly tf.Variable[], sources: readonly tf.Variable[]): void {
  variables.forEach((variable, i) => {
    const source = sources[i]!;
    if (isAbsent(variable)) {
      starts.set(variable, starts.get(source) ?? (() => source.clone()));
    } else {
      // A copy: `assign` would share the memory, which optimiser steps write to.
      outsideTape(() => fused().movingAverage([variable], [source], 0));
    }
  });
}

/** f(); if it throws, the variables that it has made are freed. */
export function freeingOnError<T>(f: () => T): T {
  const { registeredVariables } = tf.engine().state;
  const before = new Set(Object.values(registeredVariables));
  try {
    return f();
  } catch (error) {
    for (const variable of Object.values(registeredVariables)) {
      if (!before.has(variable)) variable.dispose();
    }
    throw error;
  }
}

const parameterForms = {
  scope: scopeSchema,
  torchShape: z.array(sizeSchema),
  initializer: functionSchema,
};

/**
 * Makes a parameter and draws its values from a random stream of its own.
 *
 * @param name below the scope: the parameter is `scope.name`
 * @param torchShape in PyTorch's order of axes, which is that of the drawn values too
 * @param role what it is to its layer, which decides whether an optimiser's `noDecay` is for it
 * @returns the parameter, whose variable has TensorFlow.js's layout: filters `[h, w, in, out]`, matrices `[in, out]`
 */
export function createParameter(
  scope: Scope,
  name: string,
  torchShape: readonly number[],
  initializer: Initializer,
  role: ParameterRole = 'weight',
): Parameter {
  checkGiven('createParameter', parameterForms, { scope, torchShape, initializer });
  const full = childScope(scope, name).name;
  const start = (): tf.Tensor => drawn(scope.seed, full, torchShape, initializer);
  const variable = begun(fromTorchShape(torchShape), start);
  roles.set(variable, role);
  return { name: full, variable };
}

function begun(shape: readonly number[], start: () => tf.Tensor): tf.Variable {
  if (beginning === 'absent') {
    const variable = absentVariable(shape);
    starts.set(variable, start);
    return variable;
  }
  return tf.tidy(() => tf.variable(beginning === 'zero' ? tf.fill([...shape], 0) : start()));
}

function drawn(
  seed: number,
  name: string,
  torchShape: readonly number[],
  initializer: Initializer,
): tf.Tensor {
  const random = randomStream(seed, 'parameter', name);
  // A loop: `Float32Array.from` takes twice as long, and networks have up to 10⁸ values.
  const values = new Float32Array(tf.util.sizeFromShape([...torchShape]));
  for (let i = 0; i < values.length; i++) values[i] = initializer(random);
  return fromTorch({ shape: torchShape, values });
}

/** Known by the variable alone, as updates list no more than variables. */
const roles = new WeakMap<tf.Variable, ParameterRole>();

/** What a variable is to its layer; one that no layer made is a `weight`. */
export function roleOf(variable: tf.Variable): ParameterRole {
  return roles.get(variable) ?? 'weight';
}

/** The tensor in TensorFlow.js's layout: filters `[h, w, in, out]`, matrices `[in, out]`. */
function fromTorch({ shape, values }: TorchTensor): tf.Tensor {
  const tensor = tf.tensor(values, [...shape], 'float32');
  const axes = fromTorchAxes[shape.length];
  if (axes === undefined) return tensor;
  const ours = tf.transpose(tensor, [...axes]);
  return ours.rank === 4 ? fused().asFilter(ours as tf.Tensor4D) : ours;
}

const parameterSchema = z.object({ name: z.string(), variable: z.instanceof(tf.Variable) });
const torchSchema = z.object({ shape: z.array(z.int().min(0)), values: z.instanceof(Float32Array) });

/** A shape in TensorFlow.js's order of axes. */
function fromTorchShape(shape: readonly number[]): number[] {
  const axes = fromTorchAxes[shape.length];
  return axes === undefined ? [...shape] : axes.map((axis) => shape[axis]!);
}

/**
 * Copies values in PyTorch's layout into a parameter.
 *
 * @throws UserError if the shape differs
 */
export function setFromTorch(parameter: Parameter, value: TorchTensor): void {
  checkGiven('setFromTorch', { parameter: parameterSchema, value: torchSchema }, { parameter, value });
  tf.tidy(() => {
    const tensor = fromTorch(value);
    const { shape } = parameter.variable;
    if (!tf.util.arraysEqual(tensor.shape, shape)) {
      throw new UserError(
        `${parameter.name} has shape [${toTorchShape(shape).join(', ')}], got [${value.shape.join(', ')}]`,
      );
    }
    parameter.variable.assign(tensor);
  });
}

/**
 * Lets a parameter start with values in PyTorch's layout: now, or where it is absent when `drawAbsent` gives it values.
 *
 * @throws UserError if the shape differs
 */
export function startFromTorch(parameter: Parameter, value: TorchTensor): void {
  if (isAbsent(parameter.variable)) starts.set(parameter.variable, () => fromTorch(value));
  else setFromTorch(parameter, value);
}

/**
 * Copies a parameter's values out, in PyTorch's layout.
 *
 * @param parameter of a layer
 */
export function toTorch(parameter: Parameter): TorchTensor {
  checkGiven('toTorch', { parameter: parameterSchema }, { parameter });
  const { variable } = parameter;
  const axes = toTorchAxes[variable.rank];
  // No `tf.tidy`: it would look for tensors among the values, one by one.
  const tensor = axes === undefined ? variable.clone() : tf.transpose(variable as tf.Tensor, [...axes]);
  const values = new Float32Array(tensor.dataSync());
  tensor.dispose();
  return { shape: tensor.shape, values };
}

/** A shape in PyTorch's order of axes. */
export function toTorchShape(shape: readonly number[]): number[] {
  const axes = toTorchAxes[shape.length];
  return axes === undefined ? [...shape] : axes.map((axis) => shape[axis]!);
}

import tf = require('@tensorflow/tfjs');
import { UserError } from '../../core/errors.js';
import { batchSize, channelsFirst, inOrder, sameNumbers, type Graph, type Value } from './graph.js';

/** Records a TensorFlow.js kernel as nodes of a graph. */
export type RecordingKernel = (graph: Graph, inputs: readonly Value[], attrs: object) => Value | Value[];

/** A kernel of so many inputs and of attributes that TensorFlow.js checks before it calls. */
function recording<Inputs extends readonly Value[], Attributes>(
  f: (graph: Graph, inputs: Inputs, attrs: Attributes) => Value | Value[],
): RecordingKernel {
  return f as unknown as RecordingKernel;
}

type One = readonly [Value];
type Two = readonly [Value, Value];

/** The same values under another name. */
const renamed = (value: Value, name: string): Value => ({ ...value, name });

const unary =
  (operator: string) =>
  (graph: Graph, [x]: One): Value =>
    renamed(x, graph.node(operator, [x.name])[0]);

/** Shapes are aligned at their last axes, in the order of the network's code, as ONNX does in its own. */
const binary =
  (operator: string) =>
  (graph: Graph, [a, b]: Two): Value => {
    const shape = tf.broadcast_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    const emit = (x: Value, y: Value, order: readonly number[]): Value => ({
      name: graph.node(operator, [x.name, y.name])[0],
      shape,
      order,
    });
    if (sameNumbers(a.order, b.order) || b.shape.length === 0) return emit(a, b, a.order);
    if (a.shape.length === 0) return emit(a, b, b.order);
    return emit(straight(graph, a), straight(graph, b), inOrder(shape.length));
  };

/** With its axes in the order of the network's code. */
const straight = (graph: Graph, x: Value): Value => graph.arrange(x, inOrder(x.shape.length));

function reshape(graph: Graph, [x]: One, { shape }: { readonly shape: number[] }): Value {
  const target = tf.util.inferFromImplicitShape(shape, tf.util.sizeFromShape([...x.shape]));
  if (sameNumbers(target, x.shape)) return x;
  const input = straight(graph, x);
  const sizes = target.map((size) => (size % batchSize === 0 ? -1 : size));
  const [name] = graph.node('Reshape', [input.name, graph.integers(sizes)]);
  return { name, shape: target, order: inOrder(target.length) };
}

function transpose(_: Graph, [x]: One, { perm }: { readonly perm: number[] }): Value {
  return {
    name: x.name,
    shape: perm.map((axis) => x.shape[axis]!),
    order: x.order.map((axis) => perm.indexOf(axis)),
  };
}

function mean(
  graph: Graph,
  [x]: One,
  { axis, keepDims }: { readonly axis: number | number[]; readonly keepDims: boolean },
): Value {
  const reduced = tf.util.parseAxisParam(axis, [...x.shape]);
  const axes = reduced.map((each) => x.order.indexOf(each)).sort((a, b) => a - b);
  const [name] = graph.node('ReduceMean', [x.name], { axes, keepdims: keepDims ? 1 : 0 });
  if (keepDims) {
    return { name, shape: x.shape.map((size, i) => (reduced.includes(i) ? 1 : size)), order: x.order };
  }
  const kept = inOrder(x.shape.length).filter((each) => !reduced.includes(each));
  return {
    name,
    shape: kept.map((each) => x.shape[each]!),
    order: x.order.filter((each) => kept.includes(each)).map((each) => kept.indexOf(each)),
  };
}

interface Pool {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'same' | 'valid' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Zeros at the borders never are a maximum and do not count in an average, in both libraries. */
const pool =
  (operator: 'MaxPool' | 'AveragePool') =>
  (graph: Graph, [x]: One, { filterSize, strides, pad, dimRoundingMode }: Pool): Value => {
    const shape = [...x.shape] as [number, number, number, number];
    const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    const { top, left, bottom, right } = info.padInfo;
    const input = graph.arrange(x, channelsFirst);
    const [name] = graph.node(operator, [input.name], {
      kernel_shape: [info.filterHeight, info.filterWidth],
      strides: [info.strideHeight, info.strideWidth],
      pads: [top, left, bottom, right],
    });
    return { name, shape: info.outShape, order: channelsFirst };
  };

function pad(
  graph: Graph,
  [x]: One,
  { paddings, constantValue }: { readonly paddings: [number, number][]; readonly constantValue: number },
): Value {
  const ordered = x.order.map((axis) => paddings[axis]!);
  const pads = graph.integers([...ordered.map(([before]) => before), ...ordered.map(([, after]) => after)]);
  const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
  return { ...x, name: graph.node('Pad', [x.name, pads, graph.scalar(constantValue)])[0], shape };
}

function slice(
  graph: Graph,
  [x]: One,
  attrs: { readonly begin: number | number[]; readonly size: number | number[] },
): Value {
  const parse = tf.slice_util.parseSliceParams as (
    x: { readonly shape: readonly number[] },
    begin: number | number[],
    size: number | number[],
  ) => [number[], number[]];
  const [begin, shape] = parse(x, attrs.begin, attrs.size);
  const axes = inOrder(x.shape.length).filter((axis) => shape[axis] !== x.shape[axis]);
  if (axes.length === 0) return x;
  const [name] = graph.node('Slice', [
    x.name,
    graph.integers(axes.map((axis) => begin[axis]!)),
    graph.integers(axes.map((axis) => begin[axis]! + shape[axis]!)),
    graph.integers(axes.map((axis) => x.order.indexOf(axis))),
  ]);
  return { ...x, name, shape };
}

function concat(graph: Graph, inputs: readonly Value[], { axis }: { readonly axis: number }): Value {
  const { order, shape } = inputs[0]!;
  const [along] = tf.util.parseAxisParam(axis, [...shape]);
  const names = inputs.map((input) => graph.arrange(input, order).name);
  const [name] = graph.node('Concat', names, { axis: order.indexOf(along!) });
  const size = inputs.reduce((sum, input) => sum + input.shape[along!]!, 0);
  return { name, shape: shape.map((length, i) => (i === along ? size : length)), order };
}

/** `tf.stack`. */
function pack(graph: Graph, inputs: readonly Value[], { axis }: { readonly axis: number }): Value {
  const expanded = inputs.map((input): Value => {
    const shape = input.shape.toSpliced(axis, 0, 1);
    const [name] = graph.node('Unsqueeze', [straight(graph, input).name, graph.integers([axis])]);
    return { name, shape, order: inOrder(shape.length) };
  });
  return concat(graph, expanded, { axis });
}

function split(
  graph: Graph,
  [x]: One,
  { numOrSizeSplits, axis }: { readonly numOrSizeSplits: number | number[]; readonly axis: number },
): Value[] {
  const [along] = tf.util.parseAxisParam(axis, [...x.shape]);
  const sizes = tf.backend_util.prepareSplitSize({ shape: x.shape } as tf.Tensor, numOrSizeSplits, along);
  const names = graph.node(
    'Split',
    [x.name, graph.integers(sizes)],
    { axis: x.order.indexOf(along!) },
    sizes.length,
  );
  return sizes.map((size, i) => ({
    name: names[i]!,
    shape: x.shape.map((length, j) => (j === along ? size : length)),
    order: x.order,
  }));
}

function matMul(
  graph: Graph,
  [a, b]: Two,
  { transposeA, transposeB }: { readonly transposeA: boolean; readonly transposeB: boolean },
): Value {
  const rank = Math.max(a.shape.length, b.shape.length);
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  if (rank === 2) {
    const [name] = graph.node('Gemm', [a.name, b.name], {
      transA: transposeA !== isTransposed(a) ? 1 : 0,
      transB: transposeB !== isTransposed(b) ? 1 : 0,
    });
    return { name, shape: [rows, columns], order: [0, 1] };
  }
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const operand = (x: Value, transposed: boolean): string => {
    const order = inOrder(x.shape.length);
    if (transposed) order.push(...order.splice(-2).reverse());
    return graph.arrange(x, order).name;
  };
  const [name] = graph.node('MatMul', [operand(a, transposeA), operand(b, transposeB)]);
  return { name, shape: [...batch, rows, columns], order: inOrder(rank) };
}

const isTransposed = ({ order }: Value): boolean => order[0] === 1;

/** Every value is float32, and so is what TensorFlow.js's pools cast to. */
function cast(_: Graph, [x]: One, { dtype }: { readonly dtype: tf.DataType }): Value {
  if (dtype !== 'float32') {
    throw new UserError(`a network that makes ${dtype} of its features cannot be exported to ONNX`);
  }
  return x;
}

function softmax(graph: Graph, [x]: One, { dim }: { readonly dim: number }): Value {
  const [axis] = tf.util.parseAxisParam(dim, [...x.shape]);
  return renamed(x, graph.node('Softmax', [x.name], { axis: x.order.indexOf(axis!) })[0]);
}

/** By TensorFlow.js's names: what networks and their contexts are made of, beside the fused ops. */
export const recordingKernels: Readonly<Record<string, RecordingKernel>> = {
  Identity: recording((_, [x]: One) => x),
  Cast: recording(cast),
  Relu: recording(unary('Relu')),
  Add: recording(binary('Add')),
  Sub: recording(binary('Sub')),
  Multiply: recording(binary('Mul')),
  RealDiv: recording(binary('Div')),
  Reshape: recording(reshape),
  Transpose: recording(transpose),
  Mean: recording(mean),
  MaxPool: recording(pool('MaxPool')),
  AvgPool: recording(pool('AveragePool')),
  PadV2: recording(pad),
  Slice: recording(slice),
  Concat: recording(concat),
  Pack: recording(pack),
  SplitV: recording(split),
  BatchMatMul: recording(matMul),
  Softmax: recording(softmax),
};

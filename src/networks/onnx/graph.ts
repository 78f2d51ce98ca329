import type { Parameter } from '../../nn/parameters.js';
import { torchAxes } from '../../nn/parameters.js';

/**
 * Stands for the number of images while a graph is recorded. No other size is a multiple of it, so that the axes that
 * hold the batch, alone or with others, are known by their size.
 */
export const batchSize = 1_000_003;

/**
 * A tensor of the graph. TensorFlow.js's `[n, h, w, c]` and ONNX's `[n, c, h, w]` differ in the order of axes, so a
 * value carries both: its shape as the network's code sees it, and the order in which ONNX has the axes. Transposes
 * cost nothing until an operator needs another order.
 */
export interface Value {
  readonly name: string;
  /** In the order of the network's code. */
  readonly shape: readonly number[];
  /** ONNX's axis i is axis `order[i]` of the shape. */
  readonly order: readonly number[];
}

export type Attribute = number | readonly number[] | { readonly float: number };

export interface Node {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant of the graph, in ONNX's order of axes. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/** Collects nodes in the order in which the network runs. */
export class Graph {
  readonly nodes: Node[] = [];
  readonly constants: Constant[] = [];
  /** Those that a node reads. */
  readonly parameters = new Map<string, Parameter>();
  readonly #names = new Set<string>();
  readonly #transposed = new Map<string, string>();
  readonly #scalars = new Map<number, string>();

  /** Adds a node and returns the names of its outputs. A node that reads a weight is named after its layer. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Node['attributes'] = {},
    outputs = 1,
  ): [string, ...string[]] {
    const layer = inputs
      .find((input) => this.parameters.has(input) && input.endsWith('.weight'))
      ?.replace(/\.weight$/, '');
    const name = this.#unused(layer ?? operator);
    const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    this.nodes.push({ name, operator, inputs, outputs: names, attributes });
    return names as [string, ...string[]];
  }

  /** A network's own tensor, by PyTorch's name and in its order of axes. */
  parameter(parameter: Parameter): Value {
    const { name, variable } = parameter;
    this.parameters.set(name, parameter);
    return { name, shape: variable.shape, order: torchAxes(variable.rank) };
  }

  constant(values: Float32Array, shape: readonly number[]): Value {
    const name = this.#unused('constant');
    this.constants.push({ name, shape, values });
    return { name, shape, order: inOrder(shape.length) };
  }

  scalar(value: number): string {
    const name = this.#scalars.get(value) ?? this.constant(Float32Array.of(value), []).name;
    this.#scalars.set(value, name);
    return name;
  }

  /** A list of whole numbers that an operator takes as an input. */
  integers(list: readonly number[]): string {
    const known = this.constants.find(
      ({ values }) =>
        values instanceof BigInt64Array &&
        values.length === list.length &&
        list.every((value, i) => values[i] === BigInt(value)),
    );
    if (known !== undefined) return known.name;
    const name = this.#unused('integers');
    this.constants.push({ name, shape: [list.length], values: BigInt64Array.from(list, BigInt) });
    return name;
  }

  /** The value with its axes in this order, transposed at most once. */
  arrange(value: Value, order: readonly number[]): Value {
    if (sameNumbers(value.order, order)) return value;
    const perm = order.map((axis) => value.order.indexOf(axis));
    const key = `${value.name} ${perm.join()}`;
    const name = this.#transposed.get(key) ?? this.node('Transpose', [value.name], { perm })[0];
    this.#transposed.set(key, name);
    return { name, shape: value.shape, order };
  }

  #unused(stem: string): string {
    let name = stem;
    for (let n = 1; this.#names.has(name); n++) name = `${stem}_${n}`;
    this.#names.add(name);
    return name;
  }
}

/** `[0, 1, …, rank − 1]`. */
export const inOrder = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

/** Of maps `[n, h, w, c]`: ONNX's. */
export const channelsFirst = [0, 3, 1, 2];

export function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

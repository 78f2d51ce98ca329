/**
 * What of TensorFlow.js stands in the public API. TensorFlow.js's own declarations compile only with `skipLibCheck`:
 * they name browser types that a project for Node lacks, declare WebGPU's a second time where TypeScript has them (from
 * 6.0), and break `strict`. So this declares what one needs to read results; every tensor of TensorFlow.js is one of
 * these. A program that imports TensorFlow.js itself, and so has `skipLibCheck`, makes them the very types of
 * TensorFlow.js:
 *
 *     import type {} from 'locallearn/tfjs';
 */

/** TensorFlow.js's own types by name, once `locallearn/tfjs` is imported. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- filled by tfjs.d.ts
export interface TensorFlowTypes {}

type Type<Name extends string, Own> = TensorFlowTypes extends Readonly<Record<Name, infer Its>> ? Its : Own;

/** What a tensor's elements are. */
export type DataType = 'float32' | 'int32' | 'bool' | 'complex64' | 'string';

interface Elements {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly bool: Uint8Array;
  readonly complex64: Float32Array;
  readonly string: string[];
}

interface OwnTensor<Shape extends number[], Nested> {
  readonly id: number;
  readonly shape: Shape;
  readonly size: number;
  readonly rank: number;
  readonly dtype: DataType;
  readonly isDisposed: boolean;
  /** The elements, row-major. */
  data<D extends DataType = 'float32'>(): Promise<Elements[D]>;
  /** The same; waits for the engine. */
  dataSync<D extends DataType = 'float32'>(): Elements[D];
  /** The elements in nested arrays, a number for a scalar. */
  array(): Promise<Nested>;
  /** The same; waits for the engine. */
  arraySync(): Nested;
  /** Gives its memory back, if no other tensor shares it. */
  dispose(): void;
  toString(verbose?: boolean): string;
}

interface OwnVariable<Shape extends number[], Nested> extends OwnTensor<Shape, Nested> {
  name: string;
  trainable: boolean;
}

type Numbers1D = number[];
type Numbers2D = Numbers1D[];
type Numbers3D = Numbers2D[];
type Numbers4D = Numbers3D[];

/** Numbers on the engine, of any shape. */
export type Tensor = Type<'Tensor', OwnTensor<number[], unknown>>;
/** A single number on the engine. */
export type Scalar = Type<'Scalar', OwnTensor<number[], number>>;
export type Tensor1D = Type<'Tensor1D', OwnTensor<[number], Numbers1D>>;
export type Tensor2D = Type<'Tensor2D', OwnTensor<[number, number], Numbers2D>>;
export type Tensor3D = Type<'Tensor3D', OwnTensor<[number, number, number], Numbers3D>>;
export type Tensor4D = Type<'Tensor4D', OwnTensor<[number, number, number, number], Numbers4D>>;
/** A tensor whose values training changes. */
export type Variable<Rank = unknown> = [Rank] extends ['R1']
  ? Type<'Variable1D', OwnVariable<[number], Numbers1D>>
  : Type<'Variable', OwnVariable<number[], unknown>>;

export declare namespace Rank {
  type R1 = 'R1';
}

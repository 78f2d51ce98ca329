import tf = require('@tensorflow/tfjs');
import { integers, normal, uniform, type Computation, type Families } from '../../../compare.js';

const special = (): tf.Tensor1D =>
  tf.tensor1d([-Infinity, -2.5, -1, -0.5, 0, 0.5, 1.5, 2.5, 30, Infinity, NaN]);
const empty = (): tf.Tensor2D => tf.zeros([0, 3]);
const bools = (name: string): tf.Tensor => tf.cast(integers(name, [4, 5], 0, 2), 'bool');
const unary = {
  abs: tf.abs,
  atan: tf.atan,
  asinh: tf.asinh,
  ceil: tf.ceil,
  cosh: tf.cosh,
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  expm1: tf.expm1,
  floor: tf.floor,
  leakyRelu: tf.leakyRelu,
  neg: tf.neg,
  reciprocal: tf.reciprocal,
  relu: tf.relu,
  relu6: tf.relu6,
  round: tf.round,
  selu: tf.selu,
  sigmoid: tf.sigmoid,
  sign: tf.sign,
  softplus: tf.softplus,
  square: tf.square,
  step: tf.step,
  tanh: tf.tanh,
  isNaN: tf.isNaN,
  isInf: tf.isInf,
  isFinite: tf.isFinite,
} satisfies Record<string, (x: tf.Tensor) => tf.Tensor>;
const binary = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  maximum: tf.maximum,
  minimum: tf.minimum,
  mod: tf.mod,
  squaredDifference: tf.squaredDifference,
  floorDiv: tf.floorDiv,
  equal: tf.equal,
  notEqual: tf.notEqual,
  less: tf.less,
  lessEqual: tf.lessEqual,
  greater: tf.greater,
  greaterEqual: tf.greaterEqual,
} satisfies Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor>;

/** Value by value, and new tensors. */
export const elementwiseCases: Families = {
  unary: {
    ...Object.fromEntries(Object.entries(unary).map(([name, f]) => [name, () => f(special())])),
    'sqrt, log and log1p of positives': () => {
      const x = uniform('positive', [3, 4], 0, 5);
      return [tf.sqrt(x), tf.rsqrt(x), tf.log(x), tf.log1p(x), tf.acosh(tf.add(x, 1))];
    },
    'trigonometry inside (−1, 1)': () => {
      const x = uniform('inside', [3, 4], -1, 1);
      return [tf.sin(x), tf.cos(x), tf.tan(x), tf.asin(x), tf.acos(x), tf.atanh(x), tf.sinh(x)];
    },
    'integers stay integers': () => {
      const x = integers('ints', [3, 4], -5, 6);
      return [tf.abs(x), tf.neg(x), tf.square(x), tf.relu(x), tf.sign(x), tf.clipByValue(x, -2, 2)];
    },
    'step with a slope, clip': () => [tf.step(special(), 0.25), tf.clipByValue(special(), -1, 2)],
    'prelu and elu of a broadcast': () => tf.prelu(normal('x', [2, 3, 4]), normal('alpha', [4])),
    cast: () => {
      const x = tf.tensor1d([-2.7, -0.5, 0, 0.5, 2.7]);
      return [
        tf.cast(x, 'int32'),
        tf.cast(x, 'bool'),
        tf.cast(tf.cast(x, 'bool'), 'float32'),
        tf.cast(x, 'float32'),
      ];
    },
    empty: () => [tf.exp(empty()), tf.relu(empty()), tf.cast(empty(), 'int32')],
  },
  binary: {
    ...Object.fromEntries(
      Object.entries(binary).flatMap(([name, f]): [string, Computation][] => [
        [`${name} of floats`, () => f(normal('a', [3, 4]), normal('b', [3, 4]))],
        [`${name}, broadcast`, () => f(normal('a', [2, 1, 4]), normal('b', [3, 1]))],
        [`${name} of integers`, () => f(integers('a', [3, 4], -9, 9), integers('b', [4], 1, 9))],
      ]),
    ),
    'NaN and infinities': () => {
      const [a, b] = [special(), tf.reverse(special())];
      return [tf.add(a, b), tf.maximum(a, b), tf.minimum(a, b), tf.equal(a, b), tf.less(a, b)];
    },
    'an integer and a float': () => tf.add(integers('a', [3], 0, 5), normal('b', [2, 3])),
    'pow and atan2': () => [
      tf.pow(uniform('a', [3, 4], 0.1, 3), normal('b', [4])),
      tf.pow(integers('a', [5], -3, 4), integers('b', [5], 0, 4)),
      tf.atan2(normal('a', [3, 4]), normal('b', [4])),
    ],
    'division by zero': () => [
      tf.div(tf.tensor1d([1, -1, 0]), tf.tensor1d([0, 0, 0])),
      tf.mod(tf.tensor1d([5, -5]), tf.tensor1d([-3, 3])),
    ],
    logical: () => {
      const [a, b] = [bools('a'), bools('b')];
      return [tf.logicalAnd(a, b), tf.logicalOr(a, b), tf.logicalNot(a), tf.logicalXor(a, b)];
    },
    bitwise: () => tf.bitwiseAnd(integers('a', [6], 0, 99), integers('b', [6], 0, 99)),
    where: () => [
      tf.where(bools('c'), normal('a', [4, 5]), normal('b', [4, 5])),
      tf.where(tf.tensor1d([true, false, true]), normal('a', [2, 3]), 0),
    ],
    addN: () => tf.addN([normal('a', [3]), normal('b', [3]), normal('c', [3])]),
    empty: () => tf.add(empty(), tf.ones([3])),
  },
  creation: {
    'range and linspace': () => [
      tf.range(0, 5, 0.5),
      tf.range(5, 0),
      tf.range(0, 9, 2, 'int32'),
      tf.linspace(-1, 1, 7),
    ],
    'fill, zeros and ones': () => [
      tf.fill([2, 3], 4.5),
      tf.fill([2], 3, 'int32'),
      tf.zerosLike(bools('x')),
      tf.onesLike(integers('x', [2], 0, 9)),
      tf.eye(3),
    ],
    multinomial: () => tf.multinomial(tf.tensor2d([[0.1, 0.2, 0.7]]), 20, 7, true),
  },
};

import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { detach } from '../../src/engine/detached.js';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { record } from '../../src/engine/recording.js';
import { basicUnit } from '../../src/networks/residual.js';
import { disposeLayer, trainableVariables, type Layer } from '../../src/nn/layer.js';
import { rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { normal } from './compare.js';

interface Case {
  readonly layer: Layer;
  readonly variables: tf.Variable[];
  readonly x: tf.Tensor;
  readonly dy: readonly [tf.Tensor, tf.Tensor];
}

/** A residual unit, with the identity or with a projection for its shortcut. */
function build(stride: number): Case {
  const outChannels = 4 * stride;
  const layer = basicUnit(rootScope(1), { inChannels: 4, outChannels, stride });
  const shape: [number, number, number, number] = [3, 8 / stride, 8 / stride, outChannels];
  return {
    layer,
    variables: trainableVariables([layer]),
    x: normal('x', [3, 8, 8, 4]),
    dy: [normal('first', shape), normal('second', shape)],
  };
}

const values = (tensors: readonly tf.Tensor[]): number[][] => tensors.map((each) => [...each.dataSync()]);

/** The gradients of x, then of the variables, that TensorFlow.js finds. */
function expected({ layer, variables, x }: Case, dy: tf.Tensor): number[][] {
  const run = (input: tf.Tensor): tf.Tensor => layer.forward(input, trainingMode);
  return values(tf.grads((...tensors: tf.Tensor[]) => run(tensors[0]!))([x, ...variables], dy));
}

function expectClose(found: number[][], wanted: number[][]): void {
  expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
  found.forEach((each, i) => each.forEach((value, j) => expect(value).toBeCloseTo(wanted[i]![j]!, 4)));
}

beforeAll(async () => {
  await startEngine();
});

test.each([1, 2])('two passes over a block that ran once, at stride %i', (stride) => {
  const each = build(stride);
  const { layer, variables, x, dy } = each;
  tf.tidy(() => {
    const [first] = expected(each, dy[0]);
    const [, ...second] = expected(each, dy[1]);
    const { output, recording } = record(detach(x), (input) => layer.forward(input, trainingMode));
    expectClose(values([output]), values([layer.forward(x, trainingMode)]));
    output.dispose();
    expectClose(values([recording.inputGradient(dy[0])]), [first!]);
    const sum = recording.inputGradient(dy[0], tf.onesLike(x));
    expectClose(values([sum]), [first!.map((value) => value + 1)]);
    expectClose(values(recording.finish(dy[1].clone(), variables)), second);
  });
  disposeLayer(layer);
});

test('holds nothing once it has finished, was disposed, or threw', () => {
  const { layer, variables, x, dy } = build(1);
  const before = tf.memory().numTensors;
  const run = (input: tf.Tensor): tf.Tensor => layer.forward(input, trainingMode);
  tf.tidy(() => {
    const { output, recording } = record(x, run);
    recording.inputGradient(dy[0]);
    recording.finish(dy[1].clone(), variables);
    output.dispose();
  });
  expect(tf.memory().numTensors).toBe(before);
  tf.tidy(() => record(x, run).recording.dispose());
  expect(tf.memory().numTensors).toBe(before);
  const fail = (input: tf.Tensor): tf.Tensor => {
    run(input);
    throw new Error('no');
  };
  expect(() => tf.tidy(() => record(x, fail).output)).toThrow('no');
  expect(tf.memory().numTensors).toBe(before);
  disposeLayer(layer);
});

test('a recorded variable that the output does not depend on has the gradient 0', () => {
  const { layer, x, dy } = build(1);
  tf.tidy(() => {
    const other = tf.variable(tf.ones([2]));
    const { recording } = record(x, (input) => layer.forward(input, trainingMode));
    expect(values(recording.finish(dy[0].clone(), [other]))).toEqual([[0, 0]]);
    other.dispose();
  });
  disposeLayer(layer);
});

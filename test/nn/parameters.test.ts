import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork, networkState } from '../../src/networks/network.js';
import { childScope, createParameter, rootScope, withoutDrawing } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { tinyClasses, tinyShape } from '../support/tiny.js';

beforeAll(async () => void (await startEngine()));

test('without drawing, parameters have their shapes and no initial value is asked for', () => {
  const asked: number[] = [];
  const make = (): tf.Variable =>
    createParameter(childScope(rootScope(1), 'layer'), 'weight', [5, 3, 2, 1], () => asked.push(1)).variable;
  const empty = withoutDrawing(make);
  expect([empty.shape, asked]).toEqual([[2, 1, 3, 5], []]);
  expect([...empty.dataSync()]).toEqual(Array(30).fill(0));
  const drawn = make();
  expect([drawn.shape, asked.length]).toEqual([empty.shape, 30]);
  tf.dispose([empty, drawn]);
});

test('a network that is built so has the names and shapes of a drawn one, and refuses the same', () => {
  const inputs = { classes: tinyClasses, imageShape: tinyShape, seed: 1 };
  const shapes = (): unknown => {
    const network = buildNetwork({ name: 'resnet', layers: 8 }, inputs);
    const found = networkState(network).map(({ name, variable }) => [name, variable.shape]);
    disposeNetwork(network);
    return found;
  };
  expect(withoutDrawing(shapes)).toEqual(shapes());
  const refused = (): unknown => buildNetwork({ name: 'resnet', layers: 9 }, inputs);
  const message = /layers/;
  expect(refused).toThrow(message);
  expect(() => withoutDrawing(refused)).toThrow(message);
});

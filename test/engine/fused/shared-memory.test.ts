import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainingMode } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { selectEngine } from '../../../src/engine/select.js';
import { trainableVariables, type Layer } from '../../../src/nn/layer.js';
import { conv, convBatchNorm, type ConvBatchNorm } from '../../../src/nn/layers.js';
import { childScope, rootScope } from '../../../src/nn/parameters.js';
import { testEngines } from '../../support/engine.js';

const shape: [number, number, number, number] = [2, 8, 8, 8];
const waves = (f: (i: number) => number): tf.Tensor4D =>
  tf.tensor4d(
    Float32Array.from({ length: 1024 }, (_, i) => f(i * i)),
    shape,
  );
const channels = { inChannels: 8, outChannels: 8, kernel: 3 } as const;

for (const engine of testEngines) {
  describe(`memory that a backward pass takes on ${engine}`, () => {
    let layers: Record<'plain' | 'second', Layer> & Record<'p' | 'a' | 'b' | 'c', ConvBatchNorm>;
    let x: tf.Tensor4D;
    beforeAll(async () => {
      await selectEngine(engine, { fullPrecision: true });
      const scope = rootScope(1);
      const unit = (name: string, relu: boolean): ConvBatchNorm =>
        convBatchNorm(childScope(scope, name), ['conv', 'norm'], { ...channels, relu });
      const [plain, second] = ['plain', 'second'].map((name) => conv(childScope(scope, name), channels));
      layers = {
        ...{ p: unit('p', true), a: unit('a', true), b: unit('b', true), c: unit('c', false) },
        ...{ plain: plain!, second: second! },
      };
      x = waves(Math.sin);
    });
    afterAll(() => {
      x.dispose();
      for (const { parameters, buffers } of Object.values(layers))
        tf.dispose([...parameters, ...buffers].map(({ variable }) => variable));
    });

    it('is not that of a transposed map that somebody holds', () => {
      let held: tf.Tensor | undefined;
      let before: Float32Array | undefined;
      const { value, grads } = tf.variableGrads(
        () => {
          const map = layers.plain.forward(x, trainingMode) as tf.Tensor4D;
          held = tf.keep(tf.transpose(map, [0, 3, 1, 2]));
          before = (held.dataSync() as Float32Array).slice();
          const y = layers.second.forward(map, trainingMode);
          map.dispose();
          return tf.sum(tf.square(y));
        },
        trainableVariables([layers.plain, layers.second]),
      );
      expect(held!.dataSync()).toEqual(before);
      tf.dispose([value, grads, held!]);
    });

    it('is not that of a gradient that goes through a residual without ReLU to others too', () => {
      const { p, a, b, c } = layers;
      const gradients = (hidden: boolean): number[][] => {
        const { value, grads } = tf.variableGrads(
          () => {
            const other = a.forward(x, trainingMode);
            const r = b.forward(x, trainingMode, p.forward(x, trainingMode) as tf.Tensor4D);
            const residual = (hidden ? tf.mul(r, 1) : r) as tf.Tensor4D;
            return tf.sum(tf.square(tf.add(c.forward(x, trainingMode, residual), other)));
          },
          trainableVariables([a, b, c, p]),
        );
        const values = Object.values(grads).map((gradient) => [...gradient.dataSync()]);
        tf.dispose([value, grads]);
        return values;
      };
      expect(gradients(false)).toEqual(gradients(true));
    });

    it('is not that of a gradient that the caller gives', () => {
      const { p, b, c } = layers;
      const dy = waves(Math.cos);
      const before = dy.dataSync().slice();
      const through = (input: tf.Tensor4D): tf.Tensor => {
        const r = b.forward(input, trainingMode, p.forward(input, trainingMode) as tf.Tensor4D);
        return c.forward(input, trainingMode, r as tf.Tensor4D);
      };
      tf.dispose(tf.grad(through as (x: tf.Tensor) => tf.Tensor)(x, dy));
      expect(dy.dataSync()).toEqual(before);
      dy.dispose();
    });

    it('is not that of a variable that another was made of by transposing, where that one is stepped', () => {
      const [first, turned, gradient] = tf.tidy(() => {
        const matrix = tf.variable(tf.ones([2, 3]));
        return [matrix, tf.variable(tf.transpose(matrix)), tf.keep(tf.ones([3, 2]))];
      });
      const settings = { learningRate: 1, momentum: 0, weightDecay: 0, nesterov: false };
      fused().sgd([turned as tf.Variable], [gradient!], [], settings);
      expect([...first!.dataSync()]).toEqual([1, 1, 1, 1, 1, 1]);
      expect([...turned!.dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
      tf.dispose([first!, turned!, gradient!]);
    });

    it('is not that of running statistics that somebody has a clone of', () => {
      const statistics = layers.a.buffers.map(({ variable }) => variable);
      const clones = statistics.map((variable) => tf.clone(variable));
      const values = clones.map((clone) => clone.dataSync().slice());
      layers.a.forward(x, trainingMode).dispose();
      expect(clones.map((clone) => clone.dataSync())).toEqual(values);
      for (const [i, variable] of statistics.entries()) expect(variable.dataSync()).not.toEqual(values[i]);
      tf.dispose(clones);
    });

    it('is not missing where an inner gradient has freed what a map was made of', () => {
      const { a, b } = layers;
      const { value, grads } = tf.variableGrads(
        () => {
          const inner = tf.valueAndGrads((map: tf.Tensor) => a.forward(map as tf.Tensor4D, trainingMode))([
            x,
          ]);
          return tf.sum(tf.square(b.forward(inner.value as tf.Tensor4D, trainingMode)));
        },
        trainableVariables([b]),
      );
      for (const gradient of Object.values(grads))
        expect(Math.hypot(...gradient.dataSync())).toBeGreaterThan(1);
      tf.dispose([value, grads]);
    });
  });
}

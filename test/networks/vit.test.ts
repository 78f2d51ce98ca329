import tf = require('@tensorflow/tfjs');
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import {
  disposeNetwork,
  networkForward,
  networkState,
  unitsForward,
  type Network,
} from '../../src/networks/network.js';
import { vit, type VitOptions } from '../../src/networks/vit.js';
import { disposeLayer } from '../../src/nn/layer.js';
import { rootScope, toTorchShape } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

let network: Network | undefined;
const build = (options: Partial<VitOptions> = {}): Network =>
  (network = vit({
    patchSize: 4,
    layers: 4,
    width: 12,
    heads: 3,
    mlpWidth: 20,
    classes: 5,
    imageShape: [8, 12, 3],
    seed: 1,
    ...options,
  }));

beforeAll(() => startEngine());
afterEach(() => {
  if (network !== undefined) disposeNetwork(network);
  network = undefined;
});

describe('Vision Transformer', () => {
  test('keeps its tokens as a map in every unit', () => {
    const { units, name } = build();
    expect(name).toBe('vit-4');
    expect(units.map((unit) => unit.name)).toEqual([
      'stem',
      ...[0, 1, 2, 3].map((i) => `encoder.layers.encoder_layer_${i}`),
    ]);
    tf.tidy(() => {
      let x: tf.Tensor = tf.ones([2, 8, 12, 3]);
      for (const { layer, output } of units) {
        x = layer.forward(x, trainingMode);
        expect(x.shape).toEqual([2, 2, 3, 12]);
        expect(output).toEqual({ height: 2, width: 3, channels: 12 });
      }
    });
  });

  test('counts thirds of its layers as stages', () => {
    const { units } = build({ layers: 7 });
    expect(units.map(({ stage, index }) => `${stage}.${index}`)).toEqual([
      '0.0',
      '1.0',
      '1.1',
      '1.2',
      '2.0',
      '2.1',
      '3.0',
      '3.1',
    ]);
  });

  test('has torchvision’s names, in PyTorch’s shapes', () => {
    build({ layers: 1 });
    expect(
      networkState(network!).map(({ name, variable }) => `${name} ${toTorchShape(variable.shape).join('×')}`),
    ).toEqual([
      'conv_proj.weight 12×3×4×4',
      'conv_proj.bias 12',
      'encoder.pos_embedding 1×6×12',
      'encoder.layers.encoder_layer_0.ln_1.weight 12',
      'encoder.layers.encoder_layer_0.ln_1.bias 12',
      'encoder.layers.encoder_layer_0.self_attention.in_proj_weight 36×12',
      'encoder.layers.encoder_layer_0.self_attention.in_proj_bias 36',
      'encoder.layers.encoder_layer_0.self_attention.out_proj.weight 12×12',
      'encoder.layers.encoder_layer_0.self_attention.out_proj.bias 12',
      'encoder.layers.encoder_layer_0.ln_2.weight 12',
      'encoder.layers.encoder_layer_0.ln_2.bias 12',
      'encoder.layers.encoder_layer_0.mlp.0.weight 20×12',
      'encoder.layers.encoder_layer_0.mlp.0.bias 20',
      'encoder.layers.encoder_layer_0.mlp.3.weight 12×20',
      'encoder.layers.encoder_layer_0.mlp.3.bias 12',
      'encoder.ln.weight 12',
      'encoder.ln.bias 12',
      'heads.head.weight 5×12',
      'heads.head.bias 5',
    ]);
  });

  test('every token sees every other, and knows where it stands', () => {
    const { units } = build();
    tf.tidy(() => {
      const images = tf.randomNormal<tf.Rank.R4>([1, 8, 12, 3], 0, 1, 'float32', 1);
      const features = unitsForward(units, images, images, evaluationMode);
      const changed = tf.concat(
        [tf.zeros<tf.Rank.R4>([1, 4, 4, 3]), tf.slice(images, [0, 0, 4, 0], [1, 4, 8, 3])],
        2,
      );
      const others = tf.concat([changed, tf.slice(images, [0, 4, 0, 0], [1, 4, 12, 3])], 1) as tf.Tensor4D;
      const difference = tf.sub(features, unitsForward(units, others, others, evaluationMode));
      expect(tf.min(tf.max(tf.abs(difference), 3)).dataSync()[0]).toBeGreaterThan(1e-4);
      const uniform = unitsForward(units, tf.ones([1, 8, 12, 3]), tf.ones([1, 8, 12, 3]), evaluationMode);
      const spread = tf.sub(uniform, tf.mean(uniform, [1, 2], true));
      expect(tf.max(tf.abs(spread)).dataSync()[0]).toBeGreaterThan(1e-3);
    });
  });

  test('leaves nothing behind a forward pass but its result', () => {
    build();
    const images = tf.ones<tf.Rank.R4>([2, 8, 12, 3]);
    const before = tf.memory().numTensors;
    for (const mode of [trainingMode, evaluationMode]) networkForward(network!, images, mode).dispose();
    expect(tf.memory().numTensors).toBe(before);
    images.dispose();
  });

  test('builds fresh units of its own width only', () => {
    const built = build();
    const block = built.buildUnit(rootScope(1, 'aux'), { inChannels: 12, outChannels: 12, stride: 1 });
    expect(block.parameters[0]!.name).toBe('aux.ln_1.weight');
    expect(tf.tidy(() => block.forward(tf.ones([2, 3, 3, 12]), trainingMode).shape)).toEqual([2, 3, 3, 12]);
    disposeLayer(block);
    for (const options of [
      { inChannels: 12, outChannels: 24, stride: 1 },
      { inChannels: 12, outChannels: 12, stride: 2 },
    ])
      expect(() => built.buildUnit(rootScope(1), options)).toThrow(UserError);
  });

  test('refuses patches that do not divide the images and heads that do not divide the width', () => {
    expect(() => build({ patchSize: 8 })).toThrow(
      new UserError('network.patchSize: 8 does not divide images of 8×12; choose a divisor of both'),
    );
    expect(() => build({ heads: 5 })).toThrow(new UserError('network.heads: 5 does not divide the width 12'));
  });
});

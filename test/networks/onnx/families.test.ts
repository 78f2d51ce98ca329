import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluationMode } from '../../../src/engine/fused/ops.js';
import { buildNetwork } from '../../../src/networks/build.js';
import { disposeNetwork, networkForward, networkState, type Network } from '../../../src/networks/network.js';
import type { NetworkOptionsInput } from '../../../src/networks/options.js';
import { networkOptionsSchema } from '../../../src/networks/options.js';
import { onnxModel } from '../../../src/networks/onnx/export.js';
import { setFromTorch, toTorch } from '../../../src/nn/parameters.js';
import { toBytes } from '../../../src/protobuf.js';
import { randomStream } from '../../../src/random.js';
import { startEngine } from '../../support/engine.js';
import { InferenceSession, Tensor } from '../../support/onnxruntime.js';

beforeAll(async () => void (await startEngine()));

type Shape = readonly [number, number, number];

/** Every parameter and statistic is drawn anew, so that none is left out or confused without being noticed. */
function scramble(network: Network): void {
  const random = randomStream(7, 'onnx');
  for (const parameter of networkState(network)) {
    const { shape, values } = toTorch(parameter);
    const fanIn = shape.length > 1 ? values.length / shape[0]! : 1;
    const spread = shape.length > 1 ? Math.sqrt(2 / fanIn) : 0.3;
    const centre = /running_var$|(bn|ln|norm).*weight$/.test(parameter.name) ? 1 : 0;
    const drawn = values.map(() => centre + spread * (2 * random.uniform() - 1));
    setFromTorch(parameter, { shape, values: drawn });
  }
}

/** Largest difference between ONNX Runtime's logits and the network's own, over the largest logit. */
async function difference(network: Network, images: number): Promise<number> {
  const [height, width, channels] = network.imageShape;
  const random = randomStream(3, 'onnx images');
  const nhwc = Float32Array.from({ length: images * height * width * channels }, () => random.normal());
  const [own, nchw] = tf.tidy(() => {
    const x = tf.tensor4d(nhwc, [images, height, width, channels]);
    const logits = networkForward(network, x, evaluationMode);
    return [logits.dataSync() as Float32Array, tf.transpose(x, [0, 3, 1, 2]).dataSync() as Float32Array];
  }) as unknown as [Float32Array, Float32Array];
  const model = toBytes(await onnxModel(network, { producerVersion: '0' }));
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  expect([session.inputNames, session.outputNames]).toEqual([['images'], ['logits']]);
  const feeds = { images: new Tensor('float32', nchw, [images, channels, height, width]) };
  const { logits } = await session.run(feeds);
  expect(logits!.dims).toEqual([images, network.classes]);
  const found = logits!.data as Float32Array;
  expect(own.some((value) => value !== own[0])).toBe(true);
  const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return own.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0) / largest;
}

const families: readonly (readonly [NetworkOptionsInput, Shape])[] = [
  [{ name: 'resnet', depth: 14 }, [8, 10, 3]],
  [{ name: 'resnet-imagenet', depth: 18 }, [40, 33, 3]],
  [{ name: 'resnet-imagenet', depth: 50 }, [32, 32, 3]],
  [{ name: 'vgg', depth: 13, head: 'pooled' }, [32, 40, 1]],
  [{ name: 'vit', patchSize: 4, depth: 2, width: 12, heads: 3 }, [8, 12, 3]],
];

describe('in ONNX Runtime', () => {
  it.each(families)('%o gives the same logits', async (options, imageShape) => {
    const network = buildNetwork(networkOptionsSchema.parse(options), { classes: 5, imageShape, seed: 1 });
    scramble(network);
    const { numTensors } = tf.memory();
    expect(await difference(network, 3)).toBeLessThan(1e-5);
    expect(tf.memory().numTensors).toBe(numTensors);
    disposeNetwork(network);
  });
});

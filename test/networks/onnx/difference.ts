import tf = require('@tensorflow/tfjs');
import { expect } from 'vitest';
import { evaluationMode } from '../../../src/engine/fused/ops.js';
import { networkForward, networkState, type Network } from '../../../src/networks/network.js';
import { onnxModel } from '../../../src/networks/onnx/export.js';
import { setFromTorch, toTorch } from '../../../src/nn/parameters.js';
import { toBytes } from '../../../src/formats/protobuf.js';
import { randomStream } from '../../../src/core/random.js';
import { InferenceSession, Tensor } from '../../support/onnxruntime.js';

/** Every parameter and statistic is drawn anew, so that none is left out or confused without being noticed. */
export function scramble(network: Network): void {
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
export async function difference(network: Network, images: number): Promise<number> {
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

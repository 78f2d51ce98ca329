import tf = require('@tensorflow/tfjs');
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { randomStream } from '../../src/core/random.js';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { writeSafetensors } from '../../src/formats/safetensors.js';
import { toBytes } from '../../src/formats/protobuf.js';
import { buildNetwork } from '../../src/networks/build.js';
import { builtInNetworks } from '../../src/networks/built-in.js';
import { disposeNetwork, networkForward } from '../../src/networks/network.js';
import { onnxModel } from '../../src/networks/onnx/export.js';
import { networkOptionsSchema, type NetworkOptionsInput } from '../../src/networks/options.js';
import { scramble } from '../networks/onnx/difference.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { askReader, describeReaders } from '../support/python.js';

type Shape = readonly [number, number, number];

/** Of every network that there is; beside them VGG's other head is 500 MB of the same two operators. */
const families: readonly (readonly [NetworkOptionsInput, Shape])[] = [
  [{ name: 'resnet', layers: 14 }, [9, 12, 3]],
  [{ name: 'resnet-imagenet', layers: 18 }, [33, 40, 3]],
  [{ name: 'resnet-imagenet', layers: 50 }, [33, 32, 3]],
  [{ name: 'resnext-imagenet', layers: 101 }, [33, 32, 3]],
  [{ name: 'vgg', layers: 13, head: 'pooled' }, [32, 40, 1]],
  [{ name: 'vit', patchSize: 4, layers: 3, width: 24, heads: 3 }, [8, 12, 3]],
];

interface Read {
  readonly input: readonly [name: string, type: string, shape: readonly number[]];
  /** Of the first image, and of all. */
  readonly logits: readonly (readonly (readonly number[])[])[];
  readonly metadata: Readonly<Record<string, string>>;
}

const classes = 5;
const images = 3;

describeReaders('onnx.checker and ONNX Runtime', () => {
  let folder: string;
  beforeAll(async () => void (await startEngine()));
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'locallearn-onnx-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are asked about every family', () => {
    expect(new Set(families.map(([{ name }]) => name))).toEqual(
      new Set(builtInNetworks.map(({ name }) => name)),
    );
  });

  it.each(sampleOf(families, 2))(
    'take %o, and give its logits for one image and for several',
    async (options, imageShape) => {
      const network = buildNetwork(networkOptionsSchema.parse(options), { classes, imageShape, seed: 1 });
      scramble(network);
      const [height, width, channels] = imageShape;
      const random = randomStream(3, 'onnx images');
      const nchw = { shape: [images, channels, height, width] };
      const values = Float32Array.from({ length: tf.util.sizeFromShape(nchw.shape) }, () => random.normal());
      const own = tf.tidy(() => {
        const x = tf.transpose(
          tf.tensor4d(values, nchw.shape as [number, number, number, number]),
          [0, 2, 3, 1],
        );
        return networkForward(network, x, evaluationMode).arraySync();
      });
      const [model, input] = [join(folder, 'network.onnx'), join(folder, 'images.safetensors')];
      writeFileSync(
        model,
        toBytes(await onnxModel(network, { producerVersion: '0', metadata: { of: 'a test' } })),
      );
      writeSafetensors(input, new Map([['images', { ...nchw, values }]]));
      disposeNetwork(network);

      const read = askReader('onnx_logits.py', [model, input]) as Read;
      expect(read.input).toEqual(['images', 'tensor(float)', nchw.shape.slice(1)]);
      expect(read.metadata).toEqual({ of: 'a test' });
      expect(read.logits.map((rows) => rows.length)).toEqual([1, images]);
      const largest = Math.max(...own.flat().map(Math.abs));
      for (const rows of read.logits) {
        rows.forEach((row, i) =>
          row.forEach((logit, k) => expect(Math.abs(logit - own[i]![k]!) / largest).toBeLessThan(1e-5)),
        );
      }
    },
  );
});

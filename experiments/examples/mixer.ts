// A plugin: a network and a data set of one's own, which a config then names like the built-in ones.
// locallearn compare experiments/examples/mixer.yaml, or from the library: node experiments/examples/own-network.mjs
import * as tf from '@tensorflow/tfjs';
import {
  childScope,
  conv,
  createUnit,
  datasetFromArrays,
  defineDataset,
  defineNetwork,
  definePlugin,
  globalAveragePool,
  layerNorm,
  linear,
  pureLayer,
  rootScope,
  sequential,
  UserError,
  z,
  type ImageArrays,
  type Layer,
  type Network,
  type NetworkInputs,
  type Scope,
} from 'locallearn';
// Outside this repository: types of TensorFlow.js are those of locallearn.
import type {} from 'locallearn/tfjs';

interface MixerOptions {
  /** Height and width of a patch in pixels. */
  readonly patchSize: number;
  /** Each of them a unit. */
  readonly layers: number;
  /** Channels of a token. */
  readonly width: number;
}

/**
 * MLP-Mixer (Tolstikhin et al. 2021): patches become tokens, each layer mixes the tokens of a channel and then the
 * channels of a token. Tokens stay a map `[n, h, w, width]`, which is what auxiliary nets read. Each unit is a place
 * where a local-learning method may cut the network.
 */
function mixer({ patchSize, layers, width }: MixerOptions, inputs: NetworkInputs): Network {
  const { imageShape, classes, seed } = inputs;
  const [imageHeight, imageWidth, inChannels] = imageShape;
  if (imageHeight % patchSize !== 0 || imageWidth % patchSize !== 0) {
    throw new UserError(
      `network.patchSize: ${patchSize} does not divide images of ${imageHeight}×${imageWidth}; choose a divisor of both`,
    );
  }
  const output = { height: imageHeight / patchSize, width: imageWidth / patchSize, channels: width };
  const mixerUnit = (scope: Scope): Layer => mixerLayer(scope, output);
  const root = rootScope(seed);
  const stem = createUnit(
    {
      ...{ name: 'stem', stage: 0, index: 0, output },
      build: (scope) =>
        conv(childScope(scope, 'patches'), {
          ...{ inChannels, outChannels: width, kernel: patchSize, stride: patchSize, padding: 0, bias: true },
        }),
    },
    root,
  );
  const mixing = Array.from({ length: layers }, (_, index) => {
    const name = `blocks.${index}`;
    return createUnit({ name, stage: 1, index, output, build: mixerUnit }, childScope(root, name));
  });
  return {
    ...{ name: `mixer-${layers}`, imageShape, classes, seed, units: [stem, ...mixing] },
    head: sequential([
      layerNorm(childScope(root, 'norm'), width),
      globalAveragePool,
      linear(childScope(root, 'head'), { inputs: width, outputs: classes }),
    ]),
    // AugLocal makes its auxiliary nets of such units.
    buildUnit(scope, { inChannels: from, outChannels: to, stride }) {
      if (from === width && to === width && stride === 1) return mixerUnit(scope);
      throw new UserError(`mixer-${layers}: a unit keeps its ${width} channels and its size`);
    },
  };
}

/** x + MLP over the tokens of LN(x), then x + MLP over the channels of LN(x); `[n, h, w, c]` → the same. */
function mixerLayer(scope: Scope, map: { height: number; width: number; channels: number }): Layer {
  const { height, width, channels } = map;
  const tokens = height * width;
  return sequential([
    withShortcut([
      layerNorm(childScope(scope, 'norm1'), channels),
      pureLayer((x) => tf.tidy(() => tf.transpose(tf.reshape(x, [-1, tokens, channels]), [0, 2, 1]))),
      ...mlp(childScope(scope, 'tokens'), tokens, 2 * tokens),
      pureLayer((x) => tf.tidy(() => tf.reshape(tf.transpose(x, [0, 2, 1]), [-1, height, width, channels]))),
    ]),
    withShortcut([
      layerNorm(childScope(scope, 'norm2'), channels),
      ...mlp(childScope(scope, 'channels'), channels, 2 * channels),
    ]),
  ]);
}

/** `[…, width]` → the same. */
const mlp = (scope: Scope, width: number, hidden: number): Layer[] => [
  linear(childScope(scope, 'fc1'), { inputs: width, outputs: hidden }),
  pureLayer((x) => tf.relu(x)),
  linear(childScope(scope, 'fc2'), { inputs: hidden, outputs: width }),
];

/** A layer never disposes what it is given, and leaves nothing behind but what it returns. */
function withShortcut(layers: readonly Layer[]): Layer {
  const branch = sequential(layers);
  return {
    ...branch,
    forward(x, mode) {
      const y = branch.forward(x, mode);
      const sum = tf.add(x, y);
      y.dispose();
      return sum;
    },
  };
}

const mixerKind = defineNetwork({
  name: 'mixer',
  options: z.strictObject({
    patchSize: z.int().min(1).default(4),
    layers: z.int().min(1).default(4),
    width: z.int().min(1).default(32),
  }),
  build: (options) => (inputs) => mixer(options, inputs),
});

/** The classes, and whether one's shape of this radius covers a pixel, seen from its centre. */
const shapes: readonly { name: string; covers: (x: number, y: number, radius: number) => boolean }[] = [
  { name: 'disc', covers: (x, y, radius) => Math.hypot(x, y) <= radius },
  { name: 'square', covers: (x, y, radius) => Math.max(Math.abs(x), Math.abs(y)) <= 0.8 * radius },
  {
    name: 'cross',
    covers: (x, y, radius) => Math.hypot(x, y) <= radius && Math.min(Math.abs(x), Math.abs(y)) <= 1,
  },
];
const shapeNames = shapes.map(({ name }) => name);

/** Grey images `[count, side, side, 1]` of a bright shape each, anywhere, on noise: arrays as anybody may have them. */
function drawShapes(count: number, side: number, seed: number): ImageArrays {
  const random = randomNumbers(seed);
  const images = new Uint8Array(count * side * side);
  const labels = Array.from({ length: count }, (_, i) => i % shapes.length);
  for (let i = 0; i < count; i++) {
    const { covers } = shapes[i % shapes.length]!;
    const radius = side * (0.2 + 0.1 * random());
    const left = radius + random() * (side - 2 * radius);
    const top = radius + random() * (side - 2 * radius);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const noise = 100 * random();
        images[(i * side + y) * side + x] = noise + (covers(x - left, y - top, radius) ? 150 : 0);
      }
    }
  }
  return { images, labels };
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const shapesKind = defineDataset({
  name: 'shapes',
  options: z.strictObject({
    side: z.int().min(8).max(256).default(16),
    train: z.int().min(3).default(1200),
    test: z.int().min(3).default(300),
  }),
  build: ({ side, train, test }) => ({
    read: () =>
      datasetFromArrays({
        ...{ name: 'shapes', classes: shapeNames, imageShape: [side, side, 1], mean: [0.3], std: [0.25] },
        train: drawShapes(train, side, 1),
        test: drawShapes(test, side, 2),
      }),
    // What is known without drawing them; it may be left out, then they are read for it.
    describe: () => ({ classes: shapeNames.length, imageShape: [side, side, 1] }),
  }),
});

export const plugin = definePlugin({ networks: [mixerKind], datasets: [shapesKind] });

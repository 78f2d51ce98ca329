// The networks that are compared, and the formulas of their images and of what is added to their initial values, so
// that neither has to be stored. Used by export.mjs and by test/networks/torchvision.test.ts; imports nothing.

const seed = 1;
export const classes = 1000;
export { seed };

const resnet = (layers) => ({ network: { name: 'resnet-imagenet', layers }, gain: 0.5, size: 64, batch: 4 });
const vgg = (layers) => ({
  network: { name: 'vgg', layers, head: 'torchvision' },
  gain: 1,
  size: 64,
  batch: 4,
});

/** By torchvision's names; `gain` multiplies the weights of normalisations. */
export const cases = {
  resnet18: resnet(18),
  resnet34: resnet(34),
  resnet50: resnet(50),
  resnet50_224: { ...resnet(50), size: 224, batch: 1 },
  resnet101: resnet(101),
  resnet152: resnet(152),
  resnext101_32x8d: { ...resnet(101), network: { name: 'resnext-imagenet', layers: 101 } },
  vgg13_bn: vgg(13),
  vgg19_bn: vgg(19),
  vit: {
    network: { name: 'vit', patchSize: 8, layers: 6, width: 192, heads: 3 },
    gain: 1,
    size: 64,
    batch: 4,
  },
};

/** Spread evenly over [−½, ½), and exactly the same everywhere. */
const spread = (i) => (Math.imul(i + 1, 0x9e3779b1) >>> 0) / 2 ** 32 - 0.5;

/** Images `[batch, 3, size, size]`, row-major, about as large as normalised ones. */
export function imageValues({ size, batch }) {
  return Float32Array.from({ length: batch * 3 * size * size }, (_, i) => 4 * spread(i));
}

/** Whether a parameter's or running statistic's values are changed: vectors, and what else starts at 0. */
export function isChanged(name, shape) {
  return shape.length === 1 || name === 'heads.head.weight';
}

/** Its values after the change, which makes every one of them matter: vectors start at 0 or 1. */
export function changedValues({ gain }, name, values) {
  const factor = name.endsWith('weight') ? gain : 1;
  return values.map((value, i) => factor * value + 0.2 * spread(i));
}

/** The class of each image. */
export function labelsOf({ batch }) {
  return Array.from({ length: batch }, (_, i) => (7 * i) % classes);
}

import { z } from 'zod';
import { convolutionalHead } from './auxiliary/convolutional.js';
import { dglNet } from './auxiliary/dgl.js';
import { imagenetHead } from './auxiliary/imagenet-head.js';
import { pooledLinear } from './auxiliary/pooled.js';
import { sampledUnits, tails } from './auxiliary/sampled.js';
import { momentumBridge, scalingBridge } from './bridge/bridge.js';
import {
  buildChosen,
  choiceSchema,
  defineAuxiliary,
  defineBridge,
  defineFusion,
  defineLoss,
  definePath,
  type Choice,
  type Choices,
} from '../choice.js';
import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { fusions } from './fusion/fusion.js';
import { labels, reconstruction, similarity } from './loss/local-loss.js';
import { cascadePath } from './path/cascade.js';
import { independentPath } from './path/independent.js';
import { cascadeWeights, decoderOf, decoderOptions, featureWidth, widen } from '../methods/fragments.js';

const none = z.strictObject({});

const independent = definePath({ name: 'independent', options: none, build: () => independentPath });

const cascade = (losses: Choices['losses']) =>
  definePath({
    name: 'cascade',
    options: z.strictObject({
      ...cascadeWeights,
      /** Loss of each block on its own; that of the pairs is the strategy's. */
      independentLoss: choiceSchema(losses).prefault('cross-entropy'),
    }),
    build: ({ independentLoss, ...weights }) =>
      cascadePath({ ...weights, independentLoss: buildChosen(losses, independentLoss) }),
  });

const noBridge = defineBridge({ name: 'none', options: none, build: () => undefined });

const momentum = defineBridge({
  name: 'momentum',
  options: z.strictObject({
    /** m in M ← m·M + (1 − m)·next. */
    momentum: z.number().min(0).max(1).default(0.995),
  }),
  build: (options) => momentumBridge(options.momentum),
});

const scaling = defineBridge({
  name: 'scaling',
  options: momentum.options,
  build: (options) => scalingBridge(options.momentum),
});

/** InfoPro's heads, `<convolutions>c<linear layers>f`. */
const heads: readonly Choice<AuxiliaryNet>[] = [0, 1, 2, 3].flatMap((convolutions) =>
  [1, 2, 3].map((linears) => {
    const name = `${convolutions}c${linears}f`;
    return defineAuxiliary({
      name,
      options: z.strictObject({ featureWidth, widen }),
      build: (widths) => convolutionalHead(name, { features: widths.featureWidth, widen: widths.widen }),
    });
  }),
);

const imagenet = defineAuxiliary({ name: 'imagenet', options: none, build: () => imagenetHead });

const dgl = defineAuxiliary({ name: 'dgl', options: none, build: () => dglNet });

const pooled = defineAuxiliary({
  name: 'pooled',
  options: z.strictObject({
    /** The most features that the linear layer reads; average pools bring them down to it. */
    poolWidth: z.int().min(1).default(512),
  }),
  build: ({ poolWidth }) => pooledLinear(poolWidth),
});

const sampled = defineAuxiliary({
  name: 'sampled',
  options: z.strictObject({
    /** d: depth of the first auxiliary net, in residual blocks. */
    depth: z.int().min(1).default(2),
    /** Pyramid coefficient. */
    pyramid: z.number().min(0).max(1).default(0.5),
    /** What classifies at the end: that of AugLocal's CIFAR code, of its ImageNet code, or of that for VGG. */
    tail: z.enum(tails).default('cifar'),
  }),
  build: sampledUnits,
});

const crossEntropy = defineLoss({
  name: 'cross-entropy',
  options: none,
  build: () => labels('cross-entropy'),
});

const contrast = defineLoss({
  name: 'contrast',
  options: z.strictObject({
    /** Width of the features compared. */
    featureWidth,
  }),
  build: (options) => labels('contrast', options.featureWidth),
});

const rebuilt = defineLoss({
  name: 'reconstruction',
  options: z.strictObject(decoderOptions),
  build: (options) => reconstruction(decoderOf(options)),
});

const similar = defineLoss({ name: 'similarity', options: none, build: () => similarity });

/** The paths; some choose among the losses. */
export function builtInPaths(losses: Choices['losses']): Choices['paths'] {
  return [independent, cascade(losses)];
}

/** What the method `custom` has to choose from without plugins, beside the paths. */
export const builtInChoices: Omit<Choices, 'paths'> = {
  bridges: [noBridge, momentum, scaling],
  auxiliaries: [...heads, imagenet, dgl, pooled, sampled],
  losses: [crossEntropy, contrast, rebuilt, similar],
  fusions: fusions.map((name) => defineFusion({ name, options: none, build: () => name })),
};

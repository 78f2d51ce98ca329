import { z } from 'zod';
import { layeredNetworkForms } from './forms.js';
import { checkGiven } from '../core/given.js';
import { UserError } from '../core/errors.js';
import { dropout } from '../nn/dropout.js';
import { sequential, type Layer } from '../nn/layer.js';
import { convBatchNorm, flatten, globalAveragePool, linear, relu } from '../nn/layers.js';
import { childScope, constant, normal, rootScope, type Scope } from '../nn/parameters.js';
import { adaptiveAveragePool, maxPool } from '../nn/pooling.js';
import { formerOptions, withLayers } from './former-names.js';
import {
  createUnit,
  defineNetwork,
  type UnitOptions,
  type Network,
  type NetworkInputs,
  type Unit,
} from './network.js';

const vggLayers = [13, 19] as const;
const vggHeads = ['torchvision', 'pooled'] as const;

/** What a VGG is built for. */
export interface VggOptions extends NetworkInputs {
  /** 13 or 19. */
  readonly layers: number;
  /**
   * `torchvision`: average pool to 7×7, then linear layers 25,088 → 4096 → 4096 → classes with ReLU and dropout ½
   * between, `classifier.{0,3,6}`. `pooled`: global average pool and one linear layer, `classifier`, as papers on small
   * images have it.
   */
  readonly head: (typeof vggHeads)[number];
}

/** Convolutions of each stage, by number of layers (Simonyan & Zisserman 2015, Table 1, B and E). */
const convolutions: Readonly<Record<number, readonly number[]>> = {
  13: [2, 2, 2, 2, 2],
  19: [2, 2, 4, 4, 4],
};
const stageWidths = [64, 128, 256, 512, 512] as const;
/** Five halvings leave one pixel of it. */
const smallestImage = 32;

/**
 * VGG-13 or VGG-19 with batch normalisation (Simonyan & Zisserman 2015, Table 1, B and E), as torchvision builds them:
 * a unit is 3×3 convolution with bias, BN and ReLU, named after its convolution (`features.0`, `features.3`, …), and
 * the last one of each stage ends with that stage's 2×2 max pool. 10 or 16 units, stages 1 to 5. Convolutions
 * ~ N(0, √(2 / fan-out)), biases 0, linear layers ~ N(0, 0.01). A fresh unit is such a unit, behind a 2×2 max pool
 * where its stride is 2.
 *
 * @param given its form, and what a data set and a seed decide
 * @throws UserError for another number of layers, and for images below 32×32
 */
export function vgg(given: VggOptions): Network {
  const options = withLayers('vgg', given);
  checkGiven('vgg', layeredNetworkForms, { options });
  const { layers, head, classes, imageShape, seed } = options;
  const counts = convolutions[layers];
  if (counts === undefined) {
    throw new UserError(`network layers ${layers}: vgg has ${vggLayers.join(' or ')} layers`);
  }
  const [height, width, channels] = imageShape;
  if (Math.min(height, width) < smallestImage) {
    throw new UserError(
      `network vgg halves images five times: they must be at least ${smallestImage}×${smallestImage}, not ${height}×${width}; choose another network`,
    );
  }
  const root = rootScope(seed);
  return {
    name: `vgg-${layers}`,
    imageShape,
    classes,
    seed,
    units: featureUnits(childScope(root, 'features'), counts, { height, width, channels }),
    head: (head === 'pooled' ? pooledHead : torchvisionHead)(childScope(root, 'classifier'), classes),
    buildUnit: (scope, options) => sequential([...halving(options), convolution(scope, [0, 1], options)]),
  };
}

function featureUnits(root: Scope, counts: readonly number[], input: Unit['output']): Unit[] {
  let shape = input;
  let number = 0;
  return counts.flatMap((count, s) =>
    Array.from({ length: count }, (_, index) => {
      const widths = { inChannels: shape.channels, outChannels: stageWidths[s]! };
      const pooled = index === count - 1;
      const names = [number, number + 1] as const;
      // Convolution, BN, ReLU and, at a stage's end, the pool count.
      number += pooled ? 4 : 3;
      const shrunk = (size: number): number => (pooled ? Math.floor(size / 2) : size);
      shape = {
        height: shrunk(shape.height),
        width: shrunk(shape.width),
        channels: widths.outChannels,
      };
      return createUnit(
        {
          name: childScope(root, names[0]).name,
          stage: s + 1,
          index,
          output: shape,
          build(scope) {
            const layer = convolution(scope, names, widths);
            return pooled ? sequential([layer, maxPool({ window: 2, stride: 2 })]) : layer;
          },
        },
        root,
      );
    }),
  );
}

function convolution(
  scope: Scope,
  names: readonly [number, number],
  { inChannels, outChannels }: Pick<UnitOptions, 'inChannels' | 'outChannels'>,
): Layer {
  return convBatchNorm(scope, names, {
    inChannels,
    outChannels,
    kernel: 3,
    bias: true,
    initial: { weight: normal(Math.sqrt(2 / (9 * outChannels))), bias: constant(0) },
    relu: true,
  });
}

/** Partial windows count, so that a map of one pixel stays one. */
function halving({ stride }: UnitOptions): Layer[] {
  return stride === 1 ? [] : [maxPool({ window: stride, stride, padding: 'same' })];
}

const linearInitial = { weight: normal(0.01), bias: constant(0) };
const features = stageWidths[4];

function torchvisionHead(scope: Scope, classes: number): Layer {
  const pooledSize = 7;
  const hidden = 4096;
  const dense = (number: number, inputs: number, outputs: number): Layer =>
    linear(childScope(scope, number), { inputs, outputs, initial: linearInitial });
  return sequential([
    adaptiveAveragePool(pooledSize),
    flatten,
    dense(0, features * pooledSize * pooledSize, hidden),
    relu,
    dropout(childScope(scope, 2), 0.5),
    dense(3, hidden, hidden),
    relu,
    dropout(childScope(scope, 5), 0.5),
    dense(6, hidden, classes),
  ]);
}

function pooledHead(scope: Scope, classes: number): Layer {
  return sequential([
    globalAveragePool,
    linear(scope, { inputs: features, outputs: classes, initial: linearInitial }),
  ]);
}

export const vggKind = defineNetwork({
  name: 'vgg',
  options: z.strictObject({
    layers: z.literal(vggLayers),
    /** `torchvision`: three linear layers, 4096 wide, with dropout; `pooled`: global average pool and one linear layer. */
    head: z.enum(vggHeads).default('torchvision'),
  }),
  formerly: formerOptions,
  build: (options) => (inputs) => vgg({ ...options, ...inputs }),
});

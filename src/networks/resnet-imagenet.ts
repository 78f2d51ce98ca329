import { z } from 'zod';
import { layeredNetworkForms } from './forms.js';
import { checkGiven } from '../core/given.js';
import { UserError } from '../core/errors.js';
import { sequential } from '../nn/layer.js';
import { globalAveragePool, linear } from '../nn/layers.js';
import { childScope, rootScope } from '../nn/parameters.js';
import { convBatchNormPool } from '../nn/pooling.js';
import { formerOptions, withLayers } from './former-names.js';
import { createUnit, defineNetwork, type Network, type NetworkInputs } from './network.js';
import { basicUnit, bottleneck, type BottleneckKind } from './residual.js';
import { residualUnits } from './residual-stages.js';

const plain: BottleneckKind = { groups: 1, widthPerGroup: 64 };
const resnext32x8d: BottleneckKind = { groups: 32, widthPerGroup: 8 };

/** Units of each stage; widths are 64, 128, 256 and 512, four times as many out of a bottleneck. */
interface Variant {
  readonly units: readonly [number, number, number, number];
  readonly kind: 'basic' | BottleneckKind;
}

const resnets: Readonly<Record<number, Variant>> = {
  18: { units: [2, 2, 2, 2], kind: 'basic' },
  34: { units: [3, 4, 6, 3], kind: 'basic' },
  50: { units: [3, 4, 6, 3], kind: plain },
  101: { units: [3, 4, 23, 3], kind: plain },
  152: { units: [3, 8, 36, 3], kind: plain },
};
const resnexts: Readonly<Record<number, Variant>> = {
  101: { units: [3, 4, 23, 3], kind: resnext32x8d },
};

/** What one of torchvision's residual networks is built for. */
export interface ImagenetLayers extends NetworkInputs {
  /** The number in its name. */
  readonly layers: number;
}

/**
 * ResNet-18, 34, 50, 101 or 152 as torchvision builds them (He et al. 2016, Table 1; bottlenecks with their stride on
 * the 3×3 convolution): 7×7 convolution at stride 2 with BN, ReLU and 3×3 max pool at stride 2 as the stem, then
 * `layer{1…4}.{i}`; 9, 17, 17, 34 or 51 units. Convolutions ~ N(0, √(2 / fan-out)); torchvision's parameter names.
 *
 * @param given its form, and what a data set and a seed decide
 * @throws UserError for another number of layers
 */
export function resnetImagenet(given: ImagenetLayers): Network {
  const options = withLayers('resnetImagenet', given);
  checkGiven('resnetImagenet', layeredNetworkForms, { options });
  const { layers, ...inputs } = options;
  return build('resnet-imagenet', resnets, layers, inputs);
}

/**
 * ResNeXt-101 32×8d as torchvision builds it (Xie et al. 2017): ResNet-101 with bottlenecks of 32 groups, 8 channels
 * each in the first stage. 34 units.
 *
 * @param given its form, and what a data set and a seed decide
 * @throws UserError for another number of layers
 */
export function resnextImagenet(given: ImagenetLayers): Network {
  const options = withLayers('resnextImagenet', given);
  checkGiven('resnextImagenet', layeredNetworkForms, { options });
  const { layers, ...inputs } = options;
  return build('resnext-imagenet', resnexts, layers, inputs);
}

const stemChannels = 64;

function build(
  family: string,
  variants: Readonly<Record<number, Variant>>,
  layers: number,
  { classes, imageShape, seed }: NetworkInputs,
): Network {
  const variant = variants[layers];
  if (variant === undefined) {
    throw new UserError(`network layers ${layers}: ${family} has ${Object.keys(variants).join(', ')} layers`);
  }
  const { units, kind } = variant;
  const buildUnit = kind === 'basic' ? basicUnit : bottleneck(kind);
  const expansion = kind === 'basic' ? 1 : 4;
  const root = rootScope(seed);
  const [height, width, channels] = imageShape;
  const quarter = (size: number): number => Math.ceil(Math.ceil(size / 2) / 2);
  const stem = createUnit(
    {
      name: 'stem',
      stage: 0,
      index: 0,
      output: { height: quarter(height), width: quarter(width), channels: stemChannels },
      build: (scope) =>
        convBatchNormPool(scope, ['conv1', 'bn1'], {
          inChannels: channels,
          outChannels: stemChannels,
          kernel: 7,
          stride: 2,
          relu: true,
          pool: { window: 3, stride: 2, padding: 1 },
        }),
    },
    root,
  );
  const stages = units.map((count, s) => {
    const nominalWidth = 64 * 2 ** s;
    return { units: count, outChannels: nominalWidth * expansion, nominalWidth };
  });
  return {
    name: `${family}-${layers}`,
    imageShape,
    classes,
    seed,
    units: [stem, ...residualUnits(root, stem.output, stages, buildUnit)],
    head: sequential([
      globalAveragePool,
      linear(childScope(root, 'fc'), { inputs: 512 * expansion, outputs: classes }),
    ]),
    buildUnit,
  };
}

export const resnetImagenetKind = defineNetwork({
  name: 'resnet-imagenet',
  options: z.strictObject({ layers: z.literal([18, 34, 50, 101, 152]) }),
  formerly: formerOptions,
  build: (options) => (inputs) => resnetImagenet({ ...options, ...inputs }),
});

export const resnextImagenetKind = defineNetwork({
  name: 'resnext-imagenet',
  options: z.strictObject({ layers: z.literal([101]).default(101) }),
  formerly: formerOptions,
  build: (options) => (inputs) => resnextImagenet({ ...options, ...inputs }),
});

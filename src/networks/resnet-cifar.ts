import { z } from 'zod';
import { layeredNetworkForms } from './forms.js';
import { checkGiven } from '../core/given.js';
import { UserError } from '../core/errors.js';
import { sequential } from '../nn/layer.js';
import { convBatchNorm, globalAveragePool, linear } from '../nn/layers.js';
import { childScope, rootScope } from '../nn/parameters.js';
import { formerOptions, withLayers } from './former-names.js';
import { createUnit, defineNetwork, type Network, type NetworkInputs } from './network.js';
import { basicUnit } from './residual.js';
import { residualUnits } from './residual-stages.js';

/** What a CIFAR ResNet is built for. */
export interface ResnetCifarOptions extends NetworkInputs {
  /** 6m + 2: 8, 14, 20, 26, 32, …, 110. */
  readonly layers: number;
}

const stageWidths = [16, 32, 64] as const;

/**
 * The CIFAR ResNet of He et al. 2016, §4.2, with projection shortcuts: a 3×3 convolution stem, three stages of m basic
 * units of 16, 32 and 64 channels, the second and third starting at stride 2. 3m + 1 units. Parameters are named as
 * PyTorch's implementations do (`conv1`, `bn1`, `layer{s}.{i}.conv1`, …, `fc`).
 *
 * @param given its form, and what a data set and a seed decide
 * @throws UserError where the layers are not 6m + 2
 */
export function resnetCifar(given: ResnetCifarOptions): Network {
  const options = withLayers('resnetCifar', given);
  checkGiven('resnetCifar', layeredNetworkForms, { options });
  const { layers, classes, imageShape, seed } = options;
  const unitsPerStage = (layers - 2) / 6;
  if (!Number.isInteger(unitsPerStage) || unitsPerStage < 1) {
    const nearest = 6 * Math.max(1, Math.round(unitsPerStage)) + 2;
    throw new UserError(
      `network layers ${layers}: a CIFAR ResNet has 6m + 2 layers; the nearest is ${nearest}`,
    );
  }
  const root = rootScope(seed);
  const [height, width, channels] = imageShape;
  const [first, , features] = stageWidths;
  const stem = createUnit(
    {
      name: 'stem',
      stage: 0,
      index: 0,
      output: { height, width, channels: first },
      build: (scope) =>
        convBatchNorm(scope, ['conv1', 'bn1'], {
          inChannels: channels,
          outChannels: first,
          kernel: 3,
          relu: true,
        }),
    },
    root,
  );
  const stages = stageWidths.map((outChannels) => ({ units: unitsPerStage, outChannels }));
  return {
    name: `resnet-${layers}`,
    imageShape,
    classes,
    seed,
    units: [stem, ...residualUnits(root, stem.output, stages, basicUnit)],
    head: sequential([
      globalAveragePool,
      linear(childScope(root, 'fc'), { inputs: features, outputs: classes }),
    ]),
    buildUnit: basicUnit,
  };
}

export const resnetKind = defineNetwork({
  name: 'resnet',
  options: z.strictObject({
    layers: z
      .int()
      .refine((layers) => layers >= 8 && layers % 6 === 2, 'must be 6m+2: 8, 14, 20, 26, 32, … 110'),
  }),
  formerly: formerOptions,
  build: (options) => (inputs) => resnetCifar({ ...options, ...inputs }),
});

import { UserError } from '../errors.js';
import { sequential } from '../nn/layer.js';
import { convBatchNorm, globalAveragePool, linear } from '../nn/layers.js';
import { childScope, rootScope, type Scope } from '../nn/parameters.js';
import type { MapShape, Network, Unit } from './network.js';
import { basicBlock } from './residual.js';

export interface ResnetCifarOptions {
  /** 6m + 2: 8, 14, 20, 26, 32, …, 110. */
  readonly depth: number;
  readonly classes: number;
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly seed: number;
}

const stageWidths = [16, 32, 64] as const;

/**
 * The CIFAR ResNet of He et al. 2016, §4.2, with projection shortcuts: a 3×3 convolution stem, three stages of m basic
 * blocks of 16, 32 and 64 channels, the second and third starting at stride 2. 3m + 1 units. Parameters are named as
 * PyTorch's implementations do (`conv1`, `bn1`, `layer{s}.{i}.conv1`, …, `fc`).
 *
 * Throws a UserError where the depth is not 6m + 2.
 */
export function resnetCifar({ depth, classes, imageShape, seed }: ResnetCifarOptions): Network {
  const blocksPerStage = (depth - 2) / 6;
  if (!Number.isInteger(blocksPerStage) || blocksPerStage < 1) {
    const nearest = 6 * Math.max(1, Math.round(blocksPerStage)) + 2;
    throw new UserError(`network depth ${depth}: a CIFAR ResNet has depth 6m + 2; the nearest is ${nearest}`);
  }
  const root = rootScope(seed);
  const [height, width, channels] = imageShape;
  let shape: MapShape = { height, width, channels };

  const unit = (
    name: string,
    stage: number,
    index: number,
    output: MapShape,
    scope: Scope,
    build: Unit['build'],
  ): Unit => {
    shape = output;
    return { name, stage, index, output, layer: build(scope), build };
  };
  const stem = unit('stem', 0, 0, { height, width, channels: stageWidths[0] }, root, (scope) =>
    convBatchNorm(scope, ['conv1', 'bn1'], {
      inChannels: channels,
      outChannels: stageWidths[0],
      kernel: 3,
      relu: true,
    }),
  );
  const blocks = stageWidths.flatMap((outChannels, s) =>
    Array.from({ length: blocksPerStage }, (_, index) => {
      const stride = s > 0 && index === 0 ? 2 : 1;
      const inChannels = shape.channels;
      const output = {
        height: Math.ceil(shape.height / stride),
        width: Math.ceil(shape.width / stride),
        channels: outChannels,
      };
      const name = `layer${s + 1}.${index}`;
      return unit(name, s + 1, index, output, childScope(root, name), (scope) =>
        basicBlock(scope, { inChannels, outChannels, stride }),
      );
    }),
  );
  const features = stageWidths[stageWidths.length - 1]!;
  return {
    name: `resnet-${depth}`,
    imageShape,
    classes,
    seed,
    units: [stem, ...blocks],
    head: sequential([
      globalAveragePool,
      linear(childScope(root, 'fc'), { inputs: features, outputs: classes }),
    ]),
    buildBlock: basicBlock,
  };
}

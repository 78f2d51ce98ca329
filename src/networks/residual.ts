import { plural } from '../core/text.js';
import { UserError } from '../core/errors.js';
import type { Mode } from '../engine/fused/ops.js';
import { ownedBy, type Layer } from '../nn/layer.js';
import { convBatchNorm, type ConvBatchNorm } from '../nn/layers.js';
import { childScope, type Scope } from '../nn/parameters.js';
import type { UnitOptions } from './network.js';

/**
 * conv3×3–BN–ReLU–conv3×3–BN, plus the shortcut, ReLU (He et al. 2016, Fig. 2). The shortcut is a 1×1 convolution
 * and BN where the stride or the width changes, else the identity.
 */
export function basicUnit(scope: Scope, options: UnitOptions): Layer {
  const { inChannels, outChannels, stride } = options;
  const conv = (names: readonly [string, string], inputs: number, step: number): ConvBatchNorm =>
    convBatchNorm(scope, names, {
      inChannels: inputs,
      outChannels,
      kernel: 3,
      stride: step,
      relu: true,
    });
  const path = [conv(['conv1', 'bn1'], inChannels, stride), conv(['conv2', 'bn2'], outChannels, 1)] as const;
  return residual(path, projection(scope, options));
}

/** How many channels a bottleneck's output has for each of its nominal width. */
const expansion = 4;

export interface BottleneckKind {
  /** Of the 3×3 convolution. */
  readonly groups: number;
  /** Channels of each group in the first stage, whose nominal width is 64. */
  readonly widthPerGroup: number;
}

/**
 * conv1×1–BN–ReLU–conv3×3–BN–ReLU–conv1×1–BN, plus the shortcut, ReLU (He et al. 2016, Fig. 5; with groups Xie et al.
 * 2017, Fig. 3c). The stride is the 3×3 convolution's, as torchvision has it. `outChannels` counts the expansion.
 *
 * Building it throws a UserError where the output's channels do not divide into the expansion and the groups.
 */
export function bottleneck({ groups, widthPerGroup }: BottleneckKind) {
  return (scope: Scope, options: UnitOptions): Layer => {
    const { inChannels, outChannels, stride } = options;
    const width = Math.floor(((outChannels / expansion) * widthPerGroup) / 64) * groups;
    if (outChannels % expansion !== 0 || width === 0) {
      throw new UserError(
        `a bottleneck unit of ${outChannels} output channels: they must be a multiple of ${expansion}, and enough for ${plural(groups, 'group')}`,
      );
    }
    const path = [
      convBatchNorm(scope, ['conv1', 'bn1'], { inChannels, outChannels: width, kernel: 1, relu: true }),
      convBatchNorm(scope, ['conv2', 'bn2'], {
        inChannels: width,
        outChannels: width,
        kernel: 3,
        stride,
        groups,
        relu: true,
      }),
      convBatchNorm(scope, ['conv3', 'bn3'], { inChannels: width, outChannels, kernel: 1, relu: true }),
    ];
    return residual(path, projection(scope, options));
  };
}

function projection(
  scope: Scope,
  { inChannels, outChannels, stride }: UnitOptions,
): ConvBatchNorm | undefined {
  if (stride === 1 && inChannels === outChannels) return undefined;
  return convBatchNorm(childScope(scope, 'downsample'), [0, 1], {
    inChannels,
    outChannels,
    kernel: 1,
    stride,
    relu: false,
  });
}

/** The last layer of the path takes the shortcut in as its residual, before its ReLU. */
function residual(path: readonly ConvBatchNorm[], shortcut: ConvBatchNorm | undefined): Layer {
  return {
    ...ownedBy(shortcut === undefined ? path : [...path, shortcut]),
    forward(x, mode: Mode) {
      let current = x;
      const last = path.length - 1;
      for (const layer of path.slice(0, last)) {
        const next = layer.forward(current, mode);
        if (current !== x) current.dispose();
        current = next;
      }
      const sidestep = shortcut === undefined ? x : shortcut.forward(x, mode);
      const y = path[last]!.forward(current, mode, sidestep, sidestep === x);
      if (sidestep !== x) sidestep.dispose();
      if (current !== x) current.dispose();
      return y;
    },
  };
}

import type { Mode } from '../engine/fused/ops.js';
import type { Layer } from '../nn/layer.js';
import { convBatchNorm, type ConvBatchNorm } from '../nn/layers.js';
import { childScope, type Scope } from '../nn/parameters.js';
import type { BlockOptions } from './network.js';

/**
 * conv3×3–BN–ReLU–conv3×3–BN, plus the shortcut, ReLU (He et al. 2016, Fig. 2). The shortcut is a 1×1 convolution
 * and BN where the stride or the width changes, else the identity.
 */
export function basicBlock(scope: Scope, { inChannels, outChannels, stride }: BlockOptions): Layer {
  const conv = (names: readonly [string, string], inputs: number, step: number): ConvBatchNorm =>
    convBatchNorm(scope, names, {
      inChannels: inputs,
      outChannels,
      kernel: 3,
      stride: step,
      relu: true,
    });
  const path = [conv(['conv1', 'bn1'], inChannels, stride), conv(['conv2', 'bn2'], outChannels, 1)] as const;
  return residual(path, projection(scope, inChannels, outChannels, stride));
}

function projection(
  scope: Scope,
  inChannels: number,
  outChannels: number,
  stride: number,
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
  const layers = shortcut === undefined ? path : [...path, shortcut];
  return {
    parameters: layers.flatMap((layer) => layer.parameters),
    buffers: layers.flatMap((layer) => layer.buffers),
    forward(x, mode: Mode) {
      let current = x;
      const last = path.length - 1;
      for (const layer of path.slice(0, last)) {
        const next = layer.forward(current, mode);
        if (current !== x) current.dispose();
        current = next;
      }
      const sidestep = shortcut === undefined ? x : shortcut.forward(x, mode);
      const y = path[last]!.forward(current, mode, sidestep);
      if (sidestep !== x) sidestep.dispose();
      if (current !== x) current.dispose();
      return y;
    },
  };
}

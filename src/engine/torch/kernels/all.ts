import { hostKernel } from '../../host-kernel.js';
import { arithmeticKernels } from './arithmetic.js';
import { complexKernels } from './complex.js';
import { convolutionKernels } from './convolution.js';
import { creationKernels } from './creation.js';
import { elementwiseKernels } from './elementwise.js';
import { hostKernels } from './host.js';
import { imageKernels } from './image.js';
import { indexingKernels } from './indexing.js';
import type { Kernel, KernelContext, KernelTable } from './kernel.js';
import { matmulKernels } from './matmul.js';
import { normalizationKernels } from './normalization.js';
import { poolingKernels } from './pooling.js';
import { reductionKernels } from './reduction.js';
import { shapeKernels } from './shape.js';
import { slicingKernels } from './slicing.js';

/** Every kernel of the torch backend. */
export function allKernels(backend: KernelContext): KernelTable {
  const tables = [
    arithmeticKernels,
    complexKernels,
    convolutionKernels,
    creationKernels,
    elementwiseKernels,
    imageKernels,
    indexingKernels,
    matmulKernels,
    normalizationKernels,
    poolingKernels,
    reductionKernels,
    shapeKernels,
    slicingKernels,
  ].map((kernels) => kernels(backend));
  const native = Object.entries(Object.assign({}, ...tables) as KernelTable);
  return {
    ...hostKernels(backend),
    ...Object.fromEntries(native.map(([name, run]) => [name, withStrings(backend, name, run)])),
  };
}

/** Sharing data works for strings as it is; whatever looks at values runs on the host. */
const sharing: readonly string[] = ['Identity', 'Reshape', 'ExpandDims'];

function withStrings(backend: KernelContext, name: string, run: Kernel): Kernel {
  if (sharing.includes(name)) return run;
  const onHost = hostKernel(backend, name);
  return (inputs, attrs) => {
    for (const key in inputs) if (inputs[key]?.dtype === 'string') return onHost(inputs, attrs);
    if ((attrs as { dtype?: string } | undefined)?.dtype === 'string') return onHost(inputs, attrs);
    return run(inputs, attrs);
  };
}

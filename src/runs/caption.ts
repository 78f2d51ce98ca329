import type { EngineName } from '../engine/engine.js';
import { evaluatedInWords, type RunIdentity } from './summary.js';

/** How an engine computes, for those who compare numbers with those of others. */
const computed: Readonly<Record<EngineName, string>> = {
  'torch-cuda': 'float32, convolutions in TF32 where the GPU has it, deterministic',
  torch: 'float32, deterministic',
  tensorflow: 'float32, not deterministic on a GPU',
  wasm: 'float32, deterministic',
  cpu: 'float32, deterministic',
};

/** What counts memory, with what it leaves out. */
const meters: Readonly<Record<RunIdentity['memoryMeter'], string>> = {
  'cuda-allocator': 'cuda-allocator',
  'cpu-allocator': 'cpu-allocator',
  'tensor-bytes': 'tensor-bytes (without what kernels use inside)',
};

/** What a table's figures are of: batch, engine, device, threads, precision, determinism, meter. */
export function captionOf(runs: readonly RunIdentity[]): string {
  const distinct = (of: (run: RunIdentity) => string | undefined): string[] => [
    ...new Set(runs.flatMap((run) => of(run) ?? [])),
  ];
  const batches = distinct(({ batchSize }) => (batchSize === undefined ? undefined : String(batchSize)));
  return [
    `${distinct(evaluatedInWords).join('/')} accuracy`,
    ...(batches.length === 0 ? [] : [`batch ${batches.join('/')}`]),
    ...distinct(({ engine, engineDescription }) =>
      engineDescription === undefined ? `engine ${engine}` : `engine ${engine} (${engineDescription})`,
    ),
    ...distinct(({ engine, precision }) =>
      precision === undefined
        ? computed[engine]
        : computed[engine].replace('float32', 'bfloat16 maps, else float32'),
    ),
    `peak: ${distinct(({ memoryMeter }) => meters[memoryMeter]).join(', ')}`,
  ].join('; ');
}

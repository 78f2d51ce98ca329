import { createRequire } from 'node:module';

/** Its package has no types of its own; they are in the package that it re-exports. */
export const { InferenceSession, Tensor } = createRequire(import.meta.url)(
  'onnxruntime-node',
) as typeof import('onnxruntime-common');

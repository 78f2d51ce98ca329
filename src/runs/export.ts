import { messageOf, UserError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { onnxModel } from '../networks/onnx/export.js';
import { writeSafetensors } from '../formats/safetensors.js';
import { version } from '../core/version.js';
import { weightsMetadata } from './network-use.js';
import { loadTrainedNetwork, readTrainedFiles } from './trained-network.js';
import { chooseWeights, type WhichWeights } from './which-weights.js';

/**
 * Writes the trained network of a run folder, without auxiliary nets: as safetensors under PyTorch's names, or as an
 * ONNX model. Both carry the classes' names, the images' shape, and the mean and standard deviation that images were
 * normalised with. ONNX needs an engine that was started.
 *
 * @param path of the file to write
 * @param which weights, where averages of them were evaluated; these are the default
 * @param overrides as of `loadTrainedNetwork`
 * @throws UserError if the folder has no such network, or the file cannot be written
 */
export async function exportRun(
  folder: string,
  format: 'safetensors' | 'onnx',
  path: string,
  which?: WhichWeights,
  overrides?: readonly string[],
): Promise<void> {
  try {
    if (format === 'safetensors') {
      const { tensors, metadata } = chooseWeights(readTrainedFiles(folder), which).weights;
      writeSafetensors(path, tensors, metadata);
      return;
    }
    const { network, use, method, weights, dispose } = await loadTrainedNetwork(folder, which, overrides);
    try {
      const metadata = { method, ...weightsMetadata(use), ...(weights && { weights }) };
      const model = await onnxModel(network, { producerVersion: version, metadata });
      writeFileAtomic(path, ...model.parts);
    } finally {
      dispose();
    }
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw new UserError(`${path}: cannot write the export: ${messageOf(error)}`);
  }
}

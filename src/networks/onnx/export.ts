import { z } from 'zod';
import { networkSchema } from '../forms.js';
import { checkGiven } from '../../core/given.js';
import type { Encoded } from '../../formats/protobuf.js';
import type { Network } from '../network.js';
import { encodeModel } from './model.js';
import { recordNetwork } from './record.js';

/** What an ONNX file says beside the network. */
export interface OnnxOptions {
  /** Of this program. */
  readonly producerVersion: string;
  /** Kept in the file for whoever uses it, all text. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const forms = {
  network: networkSchema,
  options: z.object({
    producerVersion: z.string(),
    metadata: z.record(z.string(), z.string()).optional(),
  }),
};

/**
 * Encodes the network (units, their contexts where it has any, and head) in evaluation mode as an ONNX model: `images`,
 * float32 `[batch, channels, height, width]` of any batch size, normalised as in training, → `logits`,
 * `[batch, classes]`. Weights have PyTorch's names; batch normalisation stays its own operator, so that the model can
 * be trained on.
 *
 * @param network with its weights
 * @param options what the file says beside it
 * @returns the bytes, ready to be written
 * @throws UserError for a network of operations that have no counterpart here
 */
export async function onnxModel(network: Network, options: OnnxOptions): Promise<Encoded> {
  checkGiven('onnxModel', forms, { network, options });
  const { producerVersion, metadata = {} } = options;
  const inputDoc =
    'pixel values scaled to 0…1, minus the mean, divided by the standard deviation of each channel';
  return encodeModel(await recordNetwork(network), {
    name: network.name,
    producerVersion,
    doc: `${network.name} trained by locallearn; input: ${inputDoc}`,
    inputDoc,
    metadata,
  });
}

import { parseConfig } from '../../src/config/config.js';
import { UserError } from '../../src/core/errors.js';

/** A config with no key that it could do without. */
export const minimal = `name: tiny
data:
  name: fashion-mnist
network:
  name: resnet
  layers: 8
train:
  epochs: 2
  batchSize: 32
  learningRate: 0.1
method:
  method: auglocal
  depth: 2
`;

/** The message of the UserError that the text gives. */
export function problem(text: string, overrides: readonly string[] = []): string {
  try {
    parseConfig(text, 'c.yaml', overrides);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error('the config was accepted');
}

import { parseConfig } from '../../src/config/config.js';
import { builtInRegistry } from '../../src/config/registry.js';
import { runExperiment } from '../../src/runs/run.js';
import { edges } from '../support/edges.js';
import { startEngine } from '../support/engine.js';

/** Trains on a few images of our own, a real run, and gives its folder. */
export async function trainedRun(parent: string, method: string): Promise<string> {
  const text = `
name: readers
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { epochs: 3, batchSize: 16, learningRate: 0.05, schedule: cosine-steps }
method: ${method}
`;
  const config = parseConfig(text, 'readers.yaml');
  const experiment = { config, registry: builtInRegistry, engine: await startEngine(), dataset: edges() };
  const { folder } = await runExperiment(experiment, config.method!, { parent, tensorboard: true });
  return folder;
}

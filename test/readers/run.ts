import { parseConfig } from '../../src/config/config.js';
import { builtInRegistry } from '../../src/config/registry.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import { runExperiment } from '../../src/runs/run.js';
import { startEngine } from '../support/engine.js';

const classes = ['left', 'right', 'top', 'bottom'];
const side = 12;

/** Squares with one bright edge. */
function images(count: number) {
  const labels = Uint16Array.from({ length: count }, (_, i) => i % classes.length);
  const pixels = new Uint8Array(count * side * side);
  labels.forEach((label, n) => {
    for (let k = 0; k < side; k++) {
      const [row, column] = [
        [k, 0],
        [k, side - 1],
        [0, k],
        [side - 1, k],
      ][label]!;
      pixels[n * side * side + row! * side + column!] = 255 - (n % 50);
    }
  });
  return { images: pixels, labels };
}

/** Trains on a few images of our own, a real run, and gives its folder. */
export async function trainedRun(parent: string, method: string): Promise<string> {
  const text = `
name: readers
data: { name: fashion-mnist }
network: { name: resnet, depth: 8 }
train: { epochs: 3, batchSize: 16, learningRate: 0.05, schedule: cosine-steps, workers: 1 }
method: ${method}
`;
  const config = parseConfig(text, 'readers.yaml');
  const dataset = datasetFromArrays({
    ...{ name: 'edges', classes, imageShape: [side, side, 1], mean: [0.1], std: [0.3] },
    ...{ train: images(64), test: images(32) },
  });
  const experiment = { config, registry: builtInRegistry, engine: await startEngine(), dataset };
  const { folder } = await runExperiment(experiment, config.method!, { parent, tensorboard: true });
  return folder;
}

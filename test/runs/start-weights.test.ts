import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { configDifferences } from '../../src/config/differences.js';
import { configDocument, loadConfig } from '../../src/config/config.js';
import type { Engine } from '../../src/engine/engine.js';
import { readSafetensors, writeSafetensors, type SafeTensor } from '../../src/formats/safetensors.js';
import { settingOf, withNetwork } from '../../src/measure/memory/setting.js';
import { networkWeights } from '../../src/networks/export.js';
import { disposeNetwork, networkState } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { drawAbsent } from '../../src/nn/parameters.js';
import type { Experiment } from '../../src/runs/experiment.js';
import { withStrategy } from '../../src/runs/method-strategy.js';
import { resumeRun } from '../../src/runs/resume.js';
import { runExperiment } from '../../src/runs/run.js';
import { loadTrainedNetwork } from '../../src/runs/trained-network.js';
import { startEngine } from '../support/engine.js';
import { edgeClasses, edges, edgesShape } from '../support/edges.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-start-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => writeWeights('weights.safetensors', 7));

/** Of a ResNet-8 of another seed than the configs'. */
function writeWeights(file: string, seed: number, classes: number = edgeClasses.length): void {
  const network = resnetCifar({ layers: 8, classes, imageShape: edgesShape, seed });
  writeSafetensors(join(folder, file), networkWeights(network));
  disposeNetwork(network);
}

const weightsIn = (file: string): Map<string, SafeTensor> => readSafetensors(join(folder, file)).tensors;

async function experimentOf(weights: string, method = '{ method: bp }'): Promise<Experiment> {
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `
name: started
data: { name: fashion-mnist }
network: { name: resnet, layers: 8${weights} }
train: { epochs: 1, batchSize: 16, learningRate: 0.05, schedule: constant }
method: ${method}
`,
  );
  return { ...(await loadConfig(path)), engine, dataset: edges() };
}

const startOf = (experiment: Experiment): Promise<ReadonlyMap<string, SafeTensor>> =>
  withStrategy(experiment, experiment.config.method!, ({ network }) =>
    Promise.resolve(networkWeights(network)),
  );

it('a network starts with the weights of the file, which the config records', async () => {
  const experiment = await experimentOf(', weights: weights.safetensors');
  expect(experiment.config.network).toEqual({
    ...{ name: 'resnet', layers: 8 },
    weights: {
      file: join(folder, 'weights.safetensors'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    },
  });
  expect(await startOf(experiment)).toEqual(weightsIn('weights.safetensors'));
  expect(await startOf(await experimentOf(''))).not.toEqual(weightsIn('weights.safetensors'));
});

it('so it does where it has no memory until its process needs it, as blocks on ranks', async () => {
  const { config, ...rest } = await experimentOf(', weights: weights.safetensors');
  const started = await withStrategy(
    { config, ...rest },
    config.method!,
    ({ network }) => {
      drawAbsent(networkState(network).map(({ variable }) => variable));
      return Promise.resolve(networkWeights(network));
    },
    'absent',
  );
  expect(started).toEqual(weightsIn('weights.safetensors'));
});

it('momentum nets copy what the network starts with', async () => {
  const man = '{ method: man, blocks: 2, momentumStart: copied }';
  const { config, ...rest } = await experimentOf(', weights: weights.safetensors', man);
  await withStrategy({ config, ...rest }, config.method!, ({ auxiliary }) => {
    const { values } = weightsIn('weights.safetensors').get('layer2.0.conv2.weight')!;
    const sumOf = (numbers: Iterable<number>): number => [...numbers].reduce((sum, value) => sum + value, 0);
    const sums = auxiliary.map(({ variable }) => sumOf(variable.dataSync()));
    const expected = sumOf(values as Float32Array);
    expect(Math.min(...sums.map((sum) => Math.abs(sum - expected)))).toBeLessThan(1e-4);
    return Promise.resolve();
  });
});

it('a head of another number of classes is refused with what to do, and left out on demand', async () => {
  writeWeights('many.safetensors', 7, 10);
  await expect(experimentOf(', weights: many.safetensors').then(startOf)).rejects.toThrow(
    `${join(folder, 'many.safetensors')}: not the weights of this resnet-8: fc.weight has shape [10, 64] instead of [4, 64]; of another number of classes? network: { weights: { file: …, head: new } } starts with a new head`,
  );
  const started = await startOf(await experimentOf(', weights: { file: many.safetensors, head: new }'));
  const drawn = await startOf(await experimentOf(''));
  for (const [name, tensor] of weightsIn('many.safetensors')) {
    expect(started.get(name)).toEqual(name.startsWith('fc.') ? drawn.get(name) : tensor);
  }
});

it('weights of another network are refused', async () => {
  const weights = weightsIn('weights.safetensors');
  weights.delete('bn1.bias');
  writeSafetensors(join(folder, 'partial.safetensors'), weights);
  await expect(
    experimentOf(', weights: { file: partial.safetensors, head: new }').then(startOf),
  ).rejects.toThrow(
    /not the weights of this resnet-8: bn1.bias is missing; name the network that they are of$/,
  );
});

it('a file that is not there is named with the place of the config', async () => {
  await expect(experimentOf(', weights: none.safetensors')).rejects.toThrow(
    /config\.yaml:4:\d+: network\.weights: cannot read the weights: ENOENT.*none\.safetensors/,
  );
});

it('a run can be resumed with the recorded file alone, started from, and used without that file', async () => {
  const experiment = await experimentOf(', weights: weights.safetensors');
  const options = { parent: join(folder, 'runs') };
  const { folder: run } = await runExperiment(experiment, experiment.config.method!, options);
  const result = weightsIn(run.slice(folder.length) + '/weights.safetensors');

  const further = await experimentOf(`, weights: ${JSON.stringify(run)}`);
  expect(await startOf(further)).toEqual(result);

  writeWeights('weights.safetensors', 8);
  const other = await experimentOf(', weights: weights.safetensors');
  await expect(resumeRun(other, run, {})).rejects.toThrow(/network\.weights\.sha256: "/);
  const before = join(run, 'config.yaml');
  const recorded = { ...(await loadConfig(before)), engine, dataset: edges() };
  await expect(startOf(recorded)).rejects.toThrow(
    /network\.weights: .*weights\.safetensors is not the file that was recorded: its SHA-256 is /,
  );
  rmSync(join(folder, 'weights.safetensors'));
  const { network, dispose } = await loadTrainedNetwork(run);
  expect(networkWeights(network)).toEqual(result);
  dispose();
});

it('runs from another file are others, from the same one elsewhere they are not', async () => {
  const document = async (weights: string): Promise<object> =>
    configDocument((await experimentOf(weights)).config);
  const one = await document(', weights: weights.safetensors');
  mkdirSync(join(folder, 'elsewhere'), { recursive: true });
  writeWeights('elsewhere/same.safetensors', 7);
  expect(configDifferences(one, await document(', weights: elsewhere/same.safetensors'))).toEqual([]);
  writeWeights('elsewhere/same.safetensors', 8);
  expect(configDifferences(one, await document(', weights: elsewhere/same.safetensors'))).toHaveLength(1);
});

it('memory is measured of a network with weights as of one without', async () => {
  const { config, registry } = await experimentOf(', weights: weights.safetensors');
  const setting = settingOf(config, { engine, registry, classes: 4, imageShape: edgesShape });
  expect(await withNetwork(setting, ({ name }) => name)).toBe('resnet-8');
});

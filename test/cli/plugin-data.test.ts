import { mkdtempSync, readFileSync, rmSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMetrics } from '../../src/runs/metrics.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

const example = join(import.meta.dirname, '../../experiments/examples');

let folder: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-plugin-data-'));
  config = join(folder, 'own.yaml');
  writeFileSync(
    config,
    `
name: own
plugins: [${JSON.stringify(join(example, 'mixer.ts'))}]
data: { name: shapes, train: 96, test: 30, validation: 0.2 }
network: { name: mixer, layers: 2, width: 8 }
train: { epochs: 2, batchSize: 16, learningRate: 0.05, schedule: constant }
method: { method: greedy, blocks: 2 }
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function succeeds(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

it('a plugin’s data set and network are trained, resumed, probed, exported, reported and measured', async () => {
  const runs = join(folder, 'runs');
  await succeeds('train', config, '--out', runs, '--quiet');
  const path = join(runs, readdirSync(runs)[0]!);
  const weights = (): Buffer => readFileSync(join(path, 'weights.safetensors'));
  const losses = (): number[] => readMetrics(join(path, 'metrics.csv')).map(({ trainLoss }) => trainLoss);
  const before = { weights: weights(), losses: losses() };
  expect(JSON.parse(readFileSync(join(path, 'data.json'), 'utf8'))).toMatchObject({
    classes: ['disc', 'square', 'cross'],
    train: { images: [32, 32, 32] },
  });

  // As if it had been ended after its first epoch.
  for (const file of ['epoch-2.json', 'epoch-2.safetensors']) rmSync(join(path, 'checkpoints', file));
  rmSync(join(path, 'summary.json'));
  await succeeds('train', '--resume', path, '--quiet');
  expect({ weights: weights(), losses: losses() }).toEqual(before);

  await succeeds('probe', path, '--images', '30', '--quiet');
  await succeeds('export', path, '--format', 'safetensors', '--out', join(folder, 'weights.safetensors'));
  const report = join(folder, 'report.html');
  await succeeds('report', runs, '--out', report);
  expect(readFileSync(report, 'utf8')).toContain('mixer-2 on shapes');
  expect(await succeeds('memory', config, '--quiet')).toContain('greedy');
});

it('the data commands read it, from a config and with --plugin', async () => {
  const info = await succeeds('data', 'info', '--config', config, '--json', '--quiet');
  expect(JSON.parse(info)).toMatchObject({ imageShape: [16, 16, 1], evaluatedOn: 'validation' });
  const picture = join(folder, 'preview.png');
  const plugin = ['--plugin', join(example, 'mixer.ts')];
  await succeeds('data', 'preview', 'shapes', ...plugin, '--images', '9', '--out', picture, '--quiet');
  expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG');
  expect(await succeeds('data', 'verify', 'shapes', ...plugin, '--quiet')).toBe(
    'shapes: 3 classes, 1200 training and 300 test images, nothing wrong\n',
  );
  const { code, stderr } = await run(['data', 'info', 'shapse', ...plugin, '--quiet']);
  expect(code).toBe(1);
  expect(stderr).toContain('folder, csv, parquet, shapes, not "shapse" (did you mean "shapes"?)');
});

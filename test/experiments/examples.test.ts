import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readComparison } from '../../src/runs/summary.js';
import { residentProgram } from '../cli/resident.js';

const run = promisify(execFile);
const program = residentProgram();

/** What an example prints, on 128 images for one epoch, as a user would start it. */
async function example(name: string): Promise<string> {
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { stdout } = await run('node', [`experiments/examples/${name}.mjs`, '128', '1'], { env });
  return stdout;
}

describe('examples', () => {
  it('compare-methods prints accuracy and peak memory of each method', async () => {
    const lines = (await example('compare-methods')).trim().split('\n');
    const [bp, auglocal] = lines.map((line) => /^(\w+): accuracy (0\.\d+), peak ([\d.]+) MB$/.exec(line));
    expect([bp?.[1], auglocal?.[1]]).toEqual(['bp', 'auglocal']);
    expect(Number(auglocal![3])).toBeLessThan(Number(bp![3]));
  });

  it('own-strategy trains each block by its own loss', async () => {
    const out = await example('own-strategy');
    expect(out).toMatch(/^epoch 1: accuracy 0\.\d+/);
    for (const update of ['block 1', 'block 2', 'block 3', 'head']) expect(out).toContain(update);
  });

  it('own-network trains a network and arrays of one’s own', async () => {
    const out = (await example('own-network')).trim();
    expect(out).toMatch(/^bp: accuracy 0\.\d+\ngreedy: accuracy 0\.\d+$/);
  });

  it('mixer: a config names a network and a data set of a plugin, and all methods train them', async () => {
    const out = mkdtempSync(join(tmpdir(), 'locallearn-examples-'));
    const small = ['data.train=120', 'data.test=30', 'train.epochs=1'];
    try {
      const compare = ['compare', 'experiments/examples/mixer.yaml', '--out', out];
      const outcome = await program([...compare, ...small.flatMap((change) => ['--set', change])]);
      expect(outcome).toMatchObject({ code: 0 });
      expect(readComparison(join(out, 'summary.json'))).toMatchObject([
        { method: 'bp', blocks: 1 },
        { method: 'auglocal', blocks: 4 },
        { method: 'greedy', blocks: 3 },
      ]);
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  it('my-strategy: a config names a plugin, and its net, loss and method are trained', async () => {
    const out = mkdtempSync(join(tmpdir(), 'locallearn-examples-'));
    const small = ['data.trainImages=160', 'data.testImages=40', 'network.layers=8', 'train.epochs=1'];
    try {
      const compare = ['compare', 'experiments/examples/my-strategy.yaml', '--out', out];
      const outcome = await program([...compare, ...small.flatMap((change) => ['--set', change])]);
      expect(outcome).toMatchObject({ code: 0 });
      expect(readComparison(join(out, 'summary.json'))).toMatchObject([
        { method: 'bp', blocks: 1 },
        { method: 'prototypes', blocks: 3 },
        { method: 'custom', label: 'momentum bridge, squeezed', blocks: 3 },
      ]);
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  it('mlflow: every run of a config with this plugin is logged by the REST API', async () => {
    const calls: { readonly call: string; readonly body: Record<string, unknown> }[] = [];
    const server = createServer((request, response) => {
      void json(request).then((body) => {
        calls.push({ call: request.url!, body: body as Record<string, unknown> });
        response.end(JSON.stringify({ run: { info: { run_id: 'r1' } } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const out = mkdtempSync(join(tmpdir(), 'locallearn-examples-'));
    const config = join(out, 'logged.yaml');
    writeFileSync(
      config,
      `
name: logged
data: { name: fashion-mnist, trainImages: 160, testImages: 40 }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 32, learningRate: 0.05, schedule: constant, workers: 0 }
method: { method: auglocal, depth: 1 }
`,
    );
    try {
      await run(
        'node',
        [
          ...['dist/cli/main.js', 'train', config, '--plugin', 'experiments/examples/mlflow.ts'],
          ...['--out', join(out, 'runs')],
        ],
        { env: { ...process.env, MLFLOW_TRACKING_URI: `http://127.0.0.1:${port}` } },
      );
    } finally {
      server.close();
      rmSync(out, { recursive: true });
    }
    expect(calls.map(({ call }) => call.replace('/api/2.0/mlflow/', ''))).toEqual([
      ...['runs/create', 'runs/log-batch', 'runs/log-batch', 'runs/log-batch', 'runs/update'],
    ]);
    const [, start, first, second, end] = calls.map(({ body }) => body);
    expect(start!['params']).toContainEqual({ key: 'train.epochs', value: '2' });
    expect(first!['metrics']).toContainEqual(expect.objectContaining({ key: 'evaluationAccuracy', step: 1 }));
    expect(second!['metrics']).toContainEqual(expect.objectContaining({ key: 'loss/head', step: 2 }));
    expect(end).toMatchObject({ run_id: 'r1', status: 'FINISHED' });
  });
});

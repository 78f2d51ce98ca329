import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readComparison } from '../../src/runs/summary.js';

const run = promisify(execFile);

/** What an example prints, on 600 images for one epoch, as a user would start it. */
async function example(name: string): Promise<string> {
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { stdout } = await run('node', [`experiments/examples/${name}.mjs`, '600', '1'], { env });
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
      await run('node', [
        ...['dist/cli/main.js', 'compare', 'experiments/examples/mixer.yaml', '--out', out],
        ...small.flatMap((change) => ['--set', change]),
      ]);
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
    const small = ['data.trainImages=160', 'data.testImages=40', 'network.depth=8', 'train.epochs=1'];
    try {
      await run('node', [
        ...['dist/cli/main.js', 'compare', 'experiments/examples/my-strategy.yaml', '--out', out],
        ...small.flatMap((change) => ['--set', change]),
      ]);
      expect(readComparison(join(out, 'summary.json'))).toMatchObject([
        { method: 'bp', blocks: 1 },
        { method: 'prototypes', blocks: 3 },
        { method: 'custom', label: 'momentum bridge, squeezed', blocks: 3 },
      ]);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});

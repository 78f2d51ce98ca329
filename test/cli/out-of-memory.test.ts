import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTorch } from '../support/engine.js';
import { ended, tinyConfig, writeFashionMnist, type Outcome } from './helpers.js';

const program = 'dist/cli/main.js';

/** Kilobytes of a process that has loaded it and nothing else. */
function addressesOfTorch(): number {
  const code = `
    import { readFileSync } from 'node:fs';
    import { selectEngine } from './dist/engine/select.js';
    await selectEngine('torch');
    console.log(/^VmPeak:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code]));
}

// Addresses stand for memory: a process may have 1.5 GB of them beside those of libtorch itself.
describe.skipIf(!hasTorch || process.platform !== 'linux')('memory that does not suffice', () => {
  let folder: string;
  let limit: number;
  beforeAll(() => {
    limit = addressesOfTorch() + 1_500_000;
    folder = mkdtempSync(join(tmpdir(), 'locallearn-out-of-memory-'));
    writeFashionMnist(join(folder, 'data'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const limited = (args: string, config: string): Promise<Outcome> => {
    writeFileSync(join(folder, 'big.yaml'), `${config}engine: torch\n`);
    const command = `ulimit -v ${limit} && exec "$0" ${program} ${args} --quiet`;
    const env = { ...process.env, OMP_NUM_THREADS: '1' };
    return ended(spawn('sh', ['-c', command, process.execPath, folder], { env }));
  };
  const tiny = (method: string): string => tinyConfig(join(folder, 'data'), method);
  const bp = 'method: { method: bp }';
  const balanced = 'method: { method: greedy, cuts: balanced, blocks: 2 }';
  const wide = 'method: { method: auglocal, depth: 1 }';
  const bytes = '\\S+: out of memory: \\d{9,} bytes asked for, \\d+ available, \\d+ in use by tensors';

  it.each([
    [
      'a training step',
      'train "$1/big.yaml" --out "$1/out"',
      () => tiny(bp).replace(', trainImages: 64', '').replace('batchSize: 16', 'batchSize: 15000'),
      `epoch 1, step 1: update 'head': ${bytes}; lower train\\.batchSize.*`,
    ],
    [
      'balanced cuts',
      'memory "$1/big.yaml" --method greedy',
      () => tiny(balanced).replace('batchSize: 16', 'batchSize: 15000'),
      `greedy: cuts: measuring the units of resnet-8: ${bytes}; lower train\\.batchSize.*`,
    ],
    [
      'building a network',
      'train "$1/big.yaml" --out "$1/out"',
      () =>
        tiny(wide).replace(
          'network: { name: resnet, layers: 8 }',
          'network: { name: vit, layers: 100, width: 4096, heads: 8 }',
        ),
      `network vit: ${bytes}; take a smaller network.*`,
    ],
  ] as const)('%s ends with its phase, bytes and a remedy in one line', async (_, args, config, message) => {
    const { code, stderr } = await limited(args, config());
    expect(stderr).toMatch(new RegExp(`^error: ${message}\n$`));
    expect(code).toBe(1);
  });

  it('a batch that no array can hold is out of memory as any other', async () => {
    const { code, stdout, stderr } = await limited('memory "$1/big.yaml" --batch 1e9', tiny(bp));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^out of memory$/m);
  });
});

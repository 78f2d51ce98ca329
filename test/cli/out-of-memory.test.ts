import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hasTorch } from '../support/engine.js';
import { ended, tinyConfig, writeFashionMnist } from './helpers.js';

const program = 'dist/cli/main.js';

// Addresses stand for memory: a process may have 6 GB of them, a batch's first maps alone take 2.
it.skipIf(!hasTorch || process.platform !== 'linux')(
  'a batch that is too large ends with epoch, step, update and bytes in one line',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'locallearn-out-of-memory-'));
    try {
      const data = join(folder, 'data');
      writeFashionMnist(data);
      const config = tinyConfig(data, 'method: { method: bp }')
        .replace(', trainImages: 64', '')
        .replace('batchSize: 16', 'batchSize: 30000')
        .concat('engine: torch\n');
      writeFileSync(join(folder, 'big.yaml'), config);
      const command = `ulimit -v 6000000 && exec "$0" ${program} train "$1/big.yaml" --quiet --out "$1/out"`;
      const env = { ...process.env, OMP_NUM_THREADS: '1' };
      const { code, stdout, stderr } = await ended(
        spawn('sh', ['-c', command, process.execPath, folder], { env }),
      );
      expect(stderr).toMatch(
        /^error: epoch 1, step 1: update 'head': locallearn::\w+: out of memory: \d{9,} bytes asked for, \d+ available, \d+ in use by tensors; lower train\.batchSize.*\n$/,
      );
      expect(stdout).toBe('');
      expect(code).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

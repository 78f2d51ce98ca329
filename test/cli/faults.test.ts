import { checkpointsOf, listCheckpoints } from '../../src/formats/checkpoint-names.js';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readRunSummary } from '../../src/runs/summary.js';
import { freePort } from '../distributed/ranks.js';
import { sampleOf } from '../support/fuzz.js';
import { ended, program, start } from './helpers.js';
import { errorLine, faultConfig, hasGroups, killAll, startCommand, weightsHash } from './ranks.js';
import { residentProgram, residentRanks } from './resident.js';

// Each starts several processes, one after another.
vi.setConfig({ testTimeout: 600_000 });

const torchrun = '/usr/bin/torchrun';
const threads = { OMP_NUM_THREADS: '1' };

let work: string;
let config: string;
/** Weights of a run in one process that nothing happened to. */
let expected: string;
const command = (folder: string): string[] => [
  ...['train', config, '--quiet', '--into', folder],
  ...['--set', 'parallel.blocks=2', '--set', 'parallel.cuts=[2]'],
];

describe.skipIf(!hasGroups)('ranks that fail', () => {
  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'locallearn-faults-'));
    config = join(work, 'faults.yaml');
    writeFileSync(config, faultConfig);
    const alone = await residentProgram()(['train', config, '--quiet', '--into', join(work, 'alone')]);
    expect(alone).toMatchObject({ code: 0 });
    expected = weightsHash(join(work, 'alone'));
  });
  afterAll(() => rmSync(work, { recursive: true }));

  it('SIGKILL of any, at any moment: the other names it, and the same command goes on to the same bits', async () => {
    const folder = join(work, 'killed');
    // Passes through a unit: 6 batches an epoch through 2 units to train on, 2 through 2 to test on.
    const faults: readonly (readonly [fault: string, killed: number, finished: number])[] = [
      ['1 train 5', 1, 0],
      ['0 checkpoint 1', 0, 0],
      ['0 train 17', 0, 1],
      ['1 test 2', 1, 0],
    ];
    let epochs = 0;
    for (const [fault, killed, finished] of sampleOf(faults, 2)) {
      const outcomes = await residentRanks(2, command(folder), { FAULT: `${fault} SIGKILL` });
      epochs += finished;
      const other = 1 - killed;
      expect([fault, outcomes[killed]!.code]).toEqual([fault, null]);
      expect([fault, outcomes[other]!.code]).toEqual([fault, 1]);
      const line = errorLine(`rank ${other}: rank ${killed} on \\S+ has ended, or is cut off: waited`);
      expect(outcomes[other]!.stderr).toMatch(line);
      expect([fault, listCheckpoints(checkpointsOf(folder))[0]?.epochs ?? 0]).toEqual([fault, epochs]);
    }
    const last = await residentRanks(2, command(folder));
    expect(last.map(({ code }) => code)).toEqual([0, 0]);
    expect(weightsHash(folder)).toBe(expected);
  });

  it('one of blocks and shares: all others name it, and the same command goes on to the bits of shares', async () => {
    const [folder, shares] = [join(work, 'mesh'), join(work, 'shares')];
    const mesh = [...command(folder), '--set', 'parallel.data=2'];
    const outcomes = await residentRanks(4, mesh, { FAULT: '3 train 17 SIGKILL' });
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 1, null]);
    for (const [rank, { stderr }] of outcomes.slice(0, 3).entries())
      expect(stderr).toMatch(errorLine(`rank ${rank}: rank 3 on \\S+ has ended, or is cut off: waited`));
    expect(listCheckpoints(checkpointsOf(folder))[0]?.epochs).toBe(1);
    expect((await residentRanks(4, mesh)).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const alike = await residentRanks(2, [
      'train',
      config,
      '--quiet',
      '--into',
      shares,
      '--parallel',
      'data',
    ]);
    expect(alike.map(({ code }) => code)).toEqual([0, 0]);
    expect(weightsHash(folder)).toBe(weightsHash(shares));
    // Finished as it is, it has more epochs on one process.
    const longer = ['train', '--resume', folder, '--quiet', '--set', 'train.epochs=4'];
    expect(await residentProgram()(longer)).toMatchObject({ code: 0 });
    expect(readRunSummary(join(folder, 'summary.json'))).not.toHaveProperty('ranks');
  });

  // This and the next together, as it is nothing but waiting.
  it.concurrent('one that hangs is named by the others when their patience ends', async () => {
    const ranks = await startCommand(2, command(join(work, 'hangs')), {
      FAULT: '1 train 5 SIGSTOP',
      LOCALLEARN_PEER_SECONDS: '10',
    });
    try {
      const { code, stderr } = await ranks[0]!.outcome;
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(
          errorLine('rank 0: rank 1 on \\S+ has ended, or is cut off: waited \\d+\\.\\d s'),
        ),
      ]);
    } finally {
      killAll(ranks);
    }
  });

  it.concurrent('Ctrl-C on the launcher ends its ranks with a checkpoint', async () => {
    const folder = join(work, 'launcher');
    const launcher = start([...command(folder), '--parallel', 'blocks=2', '--set', 'train.epochs=100000']);
    try {
      const outcome = ended(launcher);
      await trained(folder);
      launcher.kill('SIGINT');
      expect((await outcome).code).toBe(130);
      expect(readRunSummary(join(folder, 'summary.json')).status).toBe('interrupted');
    } finally {
      launcher.kill('SIGKILL');
    }
  });

  it.skipIf(process.getuid?.() !== 0)(
    'a full disk: rank 0 says it, and the other what rank 0 said',
    async () => {
      const disk = join(work, 'disk');
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
      expect(String(mounted.stderr)).toBe('');
      try {
        const folder = join(disk, 'run');
        const outcomes = residentRanks(2, [...command(folder), '--set', 'train.epochs=100000']);
        await trained(folder);
        fill(join(disk, 'filler'));
        const [first, second] = await outcomes;
        expect(first!.stderr).toMatch(errorLine(`${disk}.*cannot be written, the disk is full: make room`));
        expect(second!.stderr).toMatch(errorLine('rank 1: rank 0 on \\S+ failed: .*the disk is full'));
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    },
  );

  it('four ranks with a block each have the bits of one process', async () => {
    const folder = join(work, 'four');
    const outcomes = await residentRanks(4, [
      ...['train', config, '--quiet', '--into', folder],
      ...['--set', 'parallel.blocks=4', '--set', 'parallel.cuts=[1, 2, 3]'],
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(weightsHash(folder)).toBe(expected);
  });

  it.skipIf(!existsSync(torchrun))('torchrun --max-restarts goes on to the same bits', async () => {
    const folder = join(work, 'torchrun');
    const options = ['--no_python', '--nproc_per_node', '2', '--max_restarts', '3', '-r', '2', '-t', '1'];
    const child = spawn(
      torchrun,
      [
        ...[...options, '--monitor_interval', '0.2', '--master_port', String(await freePort())],
        ...['--log_dir', join(work, 'logs'), process.execPath, program, ...command(folder)],
      ],
      { env: { ...process.env, ...threads, FAULT: '0 train 17 SIGKILL' } },
    );
    try {
      const { code, stderr } = await ended(child);
      expect([code, stderr]).toEqual([0, expect.stringContaining('exitcode: -9')]);
      expect(weightsHash(folder)).toBe(expected);
    } finally {
      child.kill('SIGTERM');
    }
  });
});

/** Settled when a run's first epoch is done. */
async function trained(folder: string): Promise<void> {
  await vi.waitFor(() => expect(listCheckpoints(checkpointsOf(folder))).not.toEqual([]), {
    timeout: 120_000,
    interval: 50,
  });
}

/** Takes all the room there is. */
function fill(path: string): void {
  for (;;) {
    try {
      appendFileSync(path, Buffer.alloc(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

import { checkpointsOf, listCheckpoints } from '../../src/formats/checkpoint-names.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { twoHosts, whyNoHosts, type TwoHosts } from '../support/two-hosts.js';
import { ended, program, type Outcome } from './helpers.js';
import {
  errorLine,
  faultConfig,
  hasGroups,
  killAll,
  outcomesOf,
  weightsHash,
  type CommandRank,
} from './ranks.js';
import { residentProgram } from './resident.js';

vi.setConfig({ testTimeout: 600_000 });

const run = residentProgram();

const reason = hasGroups ? whyNoHosts() : 'needs torch.distributed';
const isSkipped = reason !== undefined && process.env['CI'] === undefined;

describe.skipIf(isSkipped)(`two hosts${reason === undefined ? '' : ` (${reason})`}`, () => {
  let work: string;
  let config: string;
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'locallearn-hosts-'));
    config = join(work, 'faults.yaml');
    writeFileSync(config, faultConfig);
  });
  afterAll(() => rmSync(work, { recursive: true }));

  /** What the ranks of a command end with, one on each of two hosts; f is run beside them. */
  async function outcomesOnHosts(
    folder: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
    f: (hosts: TwoHosts) => Promise<void> = () => Promise.resolve(),
  ): Promise<readonly Outcome[]> {
    const hosts = twoHosts('1mbit');
    const ranks = startOn(hosts, folder, args, environment);
    try {
      await f(hosts);
      return await outcomesOf(ranks);
    } finally {
      killAll(ranks);
      hosts.close();
    }
  }

  function startOn(
    hosts: TwoHosts,
    folder: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): readonly CommandRank[] {
    const command = [
      ...['train', config, '--quiet', '--into', folder, ...args],
      ...['--set', 'parallel.blocks=2', '--set', 'parallel.cuts=[2]'],
    ];
    return ([0, 1] as const).map((rank) => {
      const child = hosts.start(rank, [process.execPath, program, ...command], {
        ...{ OMP_NUM_THREADS: '1', RANK: String(rank), WORLD_SIZE: '2' },
        ...{ MASTER_ADDR: hosts.address, MASTER_PORT: '29500' },
        ...environment,
      });
      return { child, outcome: ended(child).then((each) => ({ ...each, at: performance.now() })) };
    });
  }

  // Together, as most of their time is waiting.
  it.concurrent('a slow link and a slow rank change no bit, and are no error', async () => {
    const [alone, folder] = [join(work, 'alone'), join(work, 'slow')];
    const outcomes = await outcomesOnHosts(folder, [], { SLOW: '1' }, async () => {
      expect(await run(['train', config, '--quiet', '--into', alone])).toMatchObject({ code: 0 });
    });
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(weightsHash(folder)).toBe(weightsHash(alone));
  });

  it.concurrent(
    'where the link is cut both end when their patience does, and each names the other',
    async () => {
      const folder = join(work, 'cut');
      const patience = { LOCALLEARN_PEER_SECONDS: '10' };
      const endless = ['--set', 'train.epochs=100000'];
      const [first, second] = await outcomesOnHosts(folder, endless, patience, async (hosts) => {
        await vi.waitFor(() => expect(listCheckpoints(checkpointsOf(folder))).not.toEqual([]), {
          timeout: 120_000,
          interval: 50,
        });
        hosts.cut();
      });
      const gone = 'has ended, or is cut off: waited \\d+\\.\\d s';
      expect(first!.stderr).toMatch(errorLine(`rank 0: rank 1 on host-1 ${gone}`));
      expect(second!.stderr).toMatch(errorLine(`rank 1: rank 0 on host-0 ${gone}`));
    },
  );
});

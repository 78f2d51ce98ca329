import { checkpointsOf, listCheckpoints } from '../../src/formats/checkpoint-names.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { twoHosts, whyNoHosts, type TwoHosts } from '../support/two-hosts.js';
import { ended, program, run } from './helpers.js';
import { errorLine, faultConfig, hasGroups, killAll, weightsHash, type CommandRank } from './ranks.js';

vi.setConfig({ testTimeout: 600_000 });

const reason = hasGroups ? whyNoHosts() : 'needs torch.distributed';
const isSkipped = reason !== undefined && process.env['CI'] === undefined;

describe.skipIf(isSkipped)(`two hosts${reason === undefined ? '' : ` (${reason})`}`, () => {
  let work: string;
  let config: string;
  let hosts: TwoHosts;
  let ranks: readonly CommandRank[] = [];
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'locallearn-hosts-'));
    config = join(work, 'faults.yaml');
    writeFileSync(config, faultConfig);
  });
  afterAll(() => rmSync(work, { recursive: true }));
  beforeEach(() => void (hosts = twoHosts('1mbit')));
  afterEach(() => {
    killAll(ranks);
    hosts.close();
  });

  function start(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv): void {
    const command = [
      ...['train', config, '--quiet', '--into', folder, ...args],
      ...['--set', 'parallel.blocks=2', '--set', 'parallel.cuts=[2]'],
    ];
    ranks = ([0, 1] as const).map((rank) => {
      const child = hosts.start(rank, [process.execPath, program, ...command], {
        ...{ OMP_NUM_THREADS: '1', RANK: String(rank), WORLD_SIZE: '2' },
        ...{ MASTER_ADDR: hosts.address, MASTER_PORT: '29500' },
        ...environment,
      });
      return { child, outcome: ended(child).then((each) => ({ ...each, at: performance.now() })) };
    });
  }

  it('a slow link and a slow rank change no bit, and are no error', async () => {
    const [alone, folder] = [join(work, 'alone'), join(work, 'slow')];
    expect(await run(['train', config, '--quiet', '--into', alone])).toMatchObject({ code: 0 });
    start(folder, [], { SLOW: '1' });
    for (const { outcome } of ranks) expect(await outcome).toMatchObject({ code: 0 });
    expect(weightsHash(folder)).toBe(weightsHash(alone));
  });

  it('where the link is cut both end when their patience does, and each names the other', async () => {
    const folder = join(work, 'cut');
    start(folder, ['--set', 'train.epochs=100000'], { LOCALLEARN_PEER_SECONDS: '10' });
    await vi.waitFor(() => expect(listCheckpoints(checkpointsOf(folder))).not.toEqual([]), {
      timeout: 120_000,
      interval: 50,
    });
    hosts.cut();
    const [first, second] = await Promise.all(ranks.map(({ outcome }) => outcome));
    const gone = 'has ended, or is cut off: waited \\d+\\.\\d s';
    expect(first!.stderr).toMatch(errorLine(`rank 0: rank 1 on host-1 ${gone}`));
    expect(second!.stderr).toMatch(errorLine(`rank 1: rank 0 on host-0 ${gone}`));
  });
});

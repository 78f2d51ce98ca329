import { expect, it } from 'vitest';
import { version } from '../../src/core/version.js';
import type { ProcessGroup } from '../../src/distributed/process-group.js';
import { agreeOn } from '../../src/runs/agree.js';

/** A rank among others whose texts are known. */
function rankAmong(...others: readonly object[]): ProcessGroup {
  const exchange = (own: string): Promise<string[]> =>
    Promise.resolve([own, ...others.map((other) => JSON.stringify(other))]);
  return { exchange } as Partial<ProcessGroup> as ProcessGroup;
}

it('ranks that agree get what each brings along, by rank', async () => {
  const other = { version, config: { seed: 1 }, own: 'b' };
  await expect(agreeOn(rankAmong(other), { seed: 1 }, 'a')).resolves.toEqual(['a', 'b']);
});

it('a rank of another version or another config is refused, and what differs is named', async () => {
  const same = { version, config: { seed: 1 }, own: null };
  const older = { ...same, version: '0.0.1' };
  await expect(agreeOn(rankAmong(same, older), { seed: 1 }, null)).rejects.toThrow(
    `rank 2 is version 0.0.1 and rank 0 version ${version}`,
  );
  await expect(agreeOn(rankAmong({ ...same, config: { seed: 2 } }), { seed: 1 }, null)).rejects.toThrow(
    'rank 1 has another config (here) than rank 0 (there):\nseed: 1 there, 2 here',
  );
});

import { describe, expect, it } from 'vitest';
import { placementIn } from '../../src/distributed/placement.js';

const torchrun = {
  RANK: '3',
  WORLD_SIZE: '4',
  LOCAL_RANK: '1',
  MASTER_ADDR: 'node-0',
  MASTER_PORT: '29500',
};

describe('the placement that the environment says', () => {
  it('is none for a process by itself', () => {
    expect(placementIn({})).toBeUndefined();
  });

  it('is what torchrun sets', () => {
    const placement = {
      rank: 3,
      size: 4,
      localRank: 1,
      host: 'node-0',
      port: 29500,
      servesStore: false,
      attempt: 0,
    };
    expect(placementIn(torchrun)).toEqual(placement);
    expect(placementIn({ ...torchrun, RANK: '0' })).toEqual({ ...placement, rank: 0, servesStore: true });
    expect(
      placementIn({
        ...torchrun,
        RANK: '0',
        TORCHELASTIC_USE_AGENT_STORE: 'True',
        TORCHELASTIC_RESTART_COUNT: '2',
      }),
    ).toEqual({ ...placement, rank: 0, attempt: 2 });
  });

  it('is refused where a variable is missing or no number', () => {
    expect(() => placementIn({ WORLD_SIZE: '2' })).toThrow(/^RANK is not set: ranks need RANK, WORLD_SIZE/);
    expect(() => placementIn({ ...torchrun, MASTER_ADDR: '' })).toThrow(/^MASTER_ADDR is not set/);
    expect(() => placementIn({ ...torchrun, RANK: '4' })).toThrow(
      "RANK must be a number from 0 to 3, got '4'",
    );
    expect(() => placementIn({ ...torchrun, MASTER_PORT: '1e3' })).toThrow(
      "MASTER_PORT must be a number from 1 to 65535, got '1e3'",
    );
  });
});

import { expect, it } from 'vitest';
import { recomputing, withUpdates, type Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import type { Network } from '../../src/networks/network.js';

/** Its methods are the class's, not the instance's. */
class Own implements Strategy {
  readonly name = 'own';
  readonly network = { units: [] } as unknown as Network;
  readonly blocks = 1;
  readonly partition = [];
  readonly updates: LocalUpdate[] = [
    { name: 'all', variables: [], forward: () => ({}) as ReturnType<LocalUpdate['forward']> },
  ];
  readonly auxiliary = [];
  readonly counters = [];
  freed = 0;
  dispose(): void {
    this.freed++;
  }
}

it('a strategy may be an instance of a class', () => {
  const own = new Own();
  const other = withUpdates(recomputing(own, 'units'), own.updates);
  expect(other).toMatchObject({ name: 'own', blocks: 1, counters: [], updates: own.updates });
  other.dispose();
  expect(own.freed).toBe(1);
});

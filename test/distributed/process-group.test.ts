import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { sampleOf } from '../support/fuzz.js';
import { killRanks, runRanks, startRanks, type Rank } from './ranks.js';

const status = nativeStatus();
/** Skipped, visibly, where libtorch has no torch.distributed. */
const hasGroups = status.available && status.native.distributed !== null;

describe.skipIf(!hasGroups)('a process group of two ranks', () => {
  let ranks: readonly Rank[] = [];
  afterEach(() => {
    killRanks(ranks);
    ranks = [];
  });

  it('sums and averages in place, as one what is given together, and shared variables get values of their own', async () => {
    const results = await runRanks(2, async ({ group, tf }) => {
      const a = tf.variable(tf.tensor2d([[1, 2, 3]]));
      const initial = tf.tensor1d([group.rank, 10]);
      const b = tf.variable(initial);
      const c = tf.transpose(
        tf.tensor2d([
          [1, 2, 3],
          [4, 5, 6 + group.rank],
        ]),
      );
      await group.allReduce([a, b, c], 'sum');
      const mean = tf.tensor1d([group.rank, 4]);
      await group.allReduce([mean], 'mean');
      const whole = tf.tensor1d([2 ** 30 + group.rank], 'int32');
      await group.allReduce([whole], 'sum');
      const now = tf.tensor1d([group.rank, 2]);
      group.sumNow([now]);
      const read = (...tensors: { dataSync(): ArrayLike<number> }[]) =>
        tensors.map((x) => [...Array.from(x.dataSync())]);
      return { sums: read(a, b, c), mean: read(mean), whole: read(whole, now), initial: read(initial) };
    });
    const common = {
      sums: [
        [2, 4, 6],
        [1, 20],
        [2, 8, 4, 10, 6, 13],
      ],
      mean: [[0.5, 4]],
      whole: [[-(2 ** 31) + 1], [1, 4]],
    };
    expect(results).toEqual([
      { ...common, initial: [[0, 10]] },
      { ...common, initial: [[1, 10]] },
    ]);
  });

  it('sends tensors of every dtype and bytes, by tag in any order, large ones whole', async () => {
    const results = await runRanks(2, async ({ group, tf, load }) => {
      const { fused } =
        await load<typeof import('../../src/engine/fused/registry.js')>('engine/fused/registry.js');
      const { heldInBfloat16 } = await load<typeof import('../../src/engine/held-in-bfloat16.js')>(
        'engine/held-in-bfloat16.js',
      );
      const peer = 1 - group.rank;
      const large = tf.range(0, 3_000_000).add(group.rank);
      const sent = [
        group.send(large, peer, 7),
        group.send(tf.tensor2d([[1, -2]], undefined, 'int32'), peer, 3),
        group.send(
          tf.transpose(
            tf.tensor2d(
              [
                [1, 0],
                [1, 1],
              ],
              undefined,
              'bool',
            ),
          ),
          peer,
          4,
        ),
        group.send(fused().toBfloat16(tf.tensor1d([1 + 2 ** -12, group.rank])), peer, 6),
        group.send(tf.scalar(group.rank + 0.5), peer),
        group.send(tf.scalar(group.rank + 1.5), peer),
        group.sendBytes(Uint8Array.of(0, 255, group.rank), peer, 5),
      ];
      const bytes = await group.recvBytes(3, peer, 5);
      const short = await group.recv([2], 'bfloat16', peer, 6);
      const bool = await group.recv([2, 2], 'bool', peer, 4);
      const whole = await group.recv([1, 2], 'int32', peer, 3);
      const firsts = [await group.recv([], 'float32', peer), await group.recv([], 'float32', peer)];
      const got = await group.recv([3_000_000], 'float32', peer, 7);
      await Promise.all(sent);
      const wrong = tf.sum(tf.notEqual(got, tf.range(0, 3_000_000).add(peer))).dataSync()[0];
      return {
        bytes: [...bytes],
        short: [heldInBfloat16(short), ...short.dataSync()],
        bool: [...bool.dataSync()],
        whole: [...whole.dataSync()],
        firsts: firsts.map((x) => x.dataSync()[0]),
        wrong,
      };
    });
    expect(results).toEqual(
      [1, 0].map((peer) => ({
        bytes: [0, 255, peer],
        short: [true, 1, peer],
        bool: [1, 1, 0, 1],
        whole: [1, -2],
        firsts: [peer + 0.5, peer + 1.5],
        wrong: 0,
      })),
    );
  });

  it('gives one rank’s tensors to all, and texts to all', async () => {
    const results = await runRanks(3, async ({ group, tf }) => {
      const x = tf.variable(tf.tensor1d([group.rank, group.rank * 2]));
      const flag = tf.variable(tf.tensor1d([group.rank], 'bool'));
      await group.broadcast([x], 2);
      await group.broadcast([flag], 0);
      await group.barrier('the middle');
      const texts = await group.exchange('é'.repeat(group.rank));
      return [[...x.dataSync()], [...flag.dataSync()], texts];
    });
    expect(results).toEqual(Array(3).fill([[2, 4], [0], ['', 'é', 'éé']]));
  });

  it('does not hold up the JavaScript thread, nor one wait another', async () => {
    const results = await runRanks(2, async ({ group, tf }) => {
      if (group.rank === 1) {
        // Only when rank 0's timers have run in the middle of its wait.
        await group.send(tf.scalar(2), 0, 2);
        await group.recv([], 'float32', 0, 9);
        await group.send(tf.scalar(1), 0, 1);
        return [];
      }
      const order: string[] = [];
      const first = group.recv([], 'float32', 1, 1).then(() => order.push('first'));
      await group.recv([], 'float32', 1, 2).then(() => order.push('second'));
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 1));
      order.push('ticked');
      await group.send(tf.scalar(0), 1, 9);
      await first;
      return order;
    });
    expect(results).toEqual([['second', 'ticked', 'first'], []]);
  });

  it('names a rank that is killed, in the wait of each kind', async () => {
    for (const wait of sampleOf(['allReduce', 'recv', 'exchange'] as const, 3)) {
      ranks = await startRanks(
        3,
        async ({ group, tf, tell, input }) => {
          await group.barrier('the start');
          tell('waiting');
          if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 1e6));
          // One of the two waits without letting go of its thread.
          const sum = tf.variable(tf.zeros([5]));
          if (input === 'allReduce' && group.rank === 0) await group.allReduce([sum], 'sum');
          if (input === 'allReduce' && group.rank === 2) {
            try {
              group.sumNow([sum]);
            } catch (error) {
              throw await (error as { reason: Promise<Error> }).reason;
            }
          }
          if (input === 'recv') await group.recv([2], 'float32', 1, 3);
          if (input === 'exchange') await group.exchange('stop');
        },
        { input: wait },
      );
      await Promise.all(ranks.map((rank) => rank.told('waiting')));
      ranks[1]!.child.kill('SIGKILL');
      const what = {
        allReduce: 'the sum of 1 tensor',
        recv: 'a float32 tensor [2] from rank 1',
        exchange: 'what the ranks have to agree on',
      }[wait];
      const host = hostname().replaceAll(/[^\w]/g, '.');
      for (const own of [0, 2]) {
        await expect(ranks[own]!.result).rejects.toThrow(
          new RegExp(
            `^rank ${own}: rank 1 on ${host} has ended, or is cut off: waited \\d+\\.\\d s for ${what.replaceAll(/[[\]]/g, '.')} \\(`,
          ),
        );
      }
    }
  });

  it('tells the others why a rank has ended by itself', async () => {
    ranks = await startRanks(2, async ({ group }) => {
      await group.barrier('the start');
      if (group.rank === 1) await group.abandon('its disk is full');
      else await group.barrier('the end of the epoch');
    });
    await ranks[1]!.result;
    await expect(ranks[0]!.result).rejects.toThrow(/^rank 0: rank 1 on \S+ failed: its disk is full$/);
  });

  it('tells the others why rank 0 has ended by itself, late ones too: where they meet ends with it', async () => {
    ranks = await startRanks(3, async ({ group }) => {
      await group.barrier('the start');
      if (group.rank === 0) throw new Error('its disk is full');
      // Computing, it hears of nothing.
      const end = performance.now() + 300 * group.rank;
      while (performance.now() < end);
      await group.barrier('the end of the epoch');
    });
    await expect(ranks[0]!.result).rejects.toThrow('its disk is full');
    for (const rank of [1, 2])
      await expect(ranks[rank]!.result).rejects.toThrow(
        new RegExp(`^rank ${rank}: rank 0 on \\S+ failed: its disk is full$`),
      );
  });

  it('names rank 0, who is where they meet, when it is killed', async () => {
    ranks = await startRanks(2, async ({ group, tell }) => {
      await group.barrier('the start');
      tell('waiting');
      if (group.rank === 0) await new Promise((resolve) => setTimeout(resolve, 1e6));
      await group.barrier('the end of the epoch');
    });
    await Promise.all(ranks.map((rank) => rank.told('waiting')));
    ranks[0]!.child.kill('SIGKILL');
    await expect(ranks[1]!.result).rejects.toThrow(
      /^rank 1: rank 0 on .* has ended, or is cut off: waited .* for all ranks to come to the end of the epoch/,
    );
  });

  it('ends at the time-out where a rank is silent, and tells one that is stopped from one that does not come', async () => {
    const silent = async (stopped: boolean): Promise<void> => {
      const own = await startRanks(
        2,
        async ({ group, tell, tf }) => {
          await group.barrier('the start');
          tell('waiting');
          if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 1e6));
          // What is under way ends with it, and what comes after has the same error.
          const other = group.recv([], 'float32', 1).catch((error: Error) => error.message);
          const mine = await group.barrier('the end of the epoch').catch((error: Error) => error.message);
          const later = await group.send(tf.scalar(1), 1).catch((error: Error) => error.message);
          return [mine, (await other) === mine, later === mine];
        },
        { timeoutSeconds: 3 },
      );
      ranks = [...ranks, ...own];
      await Promise.all(own.map((rank) => rank.told('waiting')));
      if (stopped) own[1]!.child.kill('SIGSTOP');
      const state = stopped ? 'has ended, or is cut off' : 'did not come within [34]\\.\\d s';
      expect(await own[0]!.result).toEqual([
        expect.stringMatching(
          new RegExp(
            `^rank 0: rank 1 on .* ${state}: waited [34]\\.\\d s for (all ranks to come to the end of the epoch|a float32 tensor \\[\\] from rank 1)`,
          ),
        ),
        true,
        true,
      ]);
    };
    await Promise.all([silent(false), silent(true)]);
  });

  it('names a rank that does not come at all', async () => {
    ranks = await startRanks(2, () => Promise.resolve(), { timeoutSeconds: 2, present: 1 });
    await expect(ranks[0]!.result).rejects.toThrow(
      /^rank 0: rank 1 of 2 did not come to 127\.0\.0\.1:\d+ within 2 s, after/,
    );
  });
});

import { setTimeout } from 'node:timers/promises';
import type { NativeDistributed, NativeGroup } from '../engine/torch/native.js';

/** Longer than a living rank, which writes four beats a second, goes without one. */
const silence = 1000;
/** How long the store may take. */
const patience = 1500;
/** How long a rank with the store stays for others to read it. */
const stay = 3000;

/** Who it is that the others wait for, and how it is with that rank; ranks are among all that were started. */
export type Blame =
  | { readonly rank: number; readonly state: 'gone' | 'behind' }
  /** It has said so itself, and why. */
  | { readonly rank: number; readonly state: 'failed'; readonly message: string };

/** Where a rank looks for who is to blame, and where it leaves word of it. */
export interface Watch {
  readonly native: NativeDistributed;
  /** That of all ranks, which have one word in common: the first that is left is why a run has failed. */
  readonly board: NativeGroup;
  /** This rank among all, and how many these are. */
  readonly self: number;
  readonly size: number;
}

/** Leaves word for the others of why this rank ends, unless there is word of another before. */
export async function leaveWord(watch: Watch, message: string): Promise<void> {
  try {
    await tell(watch, { rank: watch.self, state: 'failed', message });
  } catch {
    // The store is gone: then so is the run, and what this rank failed with is told by itself.
  }
}

/**
 * Finds out whose fault it is that a wait failed: asks the store what another rank found, else which rank of the group
 * has no heartbeat, else which has begun fewer collective calls than this one.
 *
 * @param group whose wait it was
 * @param names of its ranks, by their place in it, those among all
 * @returns undefined where all ranks live and have come as far as this one
 */
export async function findBlame(
  watch: Watch,
  group: NativeGroup,
  names: readonly number[],
): Promise<Blame | undefined> {
  const { native, self } = watch;
  const places = names.map((_, place) => place);
  const look = (): Promise<readonly string[]> =>
    soon(
      native.look(
        group,
        places.map((place) => `beat/${place}`),
      ),
    );
  try {
    const before = await look();
    let word = await wordOn(watch);
    if (word === undefined) {
      await setTimeout(silence);
      word = await wordOn(watch);
    }
    if (word !== undefined) return await heard(watch, word);
    const after = await look();
    const own = collectives(after[names.indexOf(self)]!);
    const others = places.filter((place) => names[place] !== self);
    const gone = others.find((place) => after[place] === before[place]);
    const behind = others.find((place) => collectives(after[place]!) < own);
    if (gone !== undefined) return await tell(watch, { rank: names[gone]!, state: 'gone' });
    if (behind !== undefined) return await tell(watch, { rank: names[behind]!, state: 'behind' });
    return undefined;
  } catch {
    // The store is rank 0's, or whoever's who started the ranks and ended with them.
    return self === 0 ? undefined : { rank: 0, state: 'gone' };
  }
}

/**
 * Stays as long as others may still want to read why the run has failed: the store ends with this rank. Not for those
 * that are gone themselves, and not for longer than three seconds.
 */
export async function stayForOthers(watch: Watch): Promise<void> {
  const { native, board, self, size } = watch;
  const end = performance.now() + stay;
  try {
    const word = await wordOn(watch);
    const others = Array.from({ length: size }, (_, rank) => rank).filter(
      (rank) => rank !== self && !(word?.state === 'gone' && word.rank === rank),
    );
    while (performance.now() < end) {
      const read = await soon(
        native.look(
          board,
          others.map((rank) => `heard/${rank}`),
        ),
      );
      if (read.every((text) => text !== '')) return;
      await setTimeout(20);
    }
  } catch {
    // It is served elsewhere then, or gone.
  }
}

/** Leaves word, unless there is one already; the one that counts. */
async function tell(watch: Watch, blame: Blame): Promise<Blame> {
  const { native, board } = watch;
  const before = await wordOn(watch);
  if (before === undefined) await soon(native.note(board, 'fault', JSON.stringify(blame)));
  return heard(watch, before ?? blame);
}

/** Says that this rank knows. */
async function heard({ native, board, self }: Watch, blame: Blame): Promise<Blame> {
  await soon(native.note(board, `heard/${self}`, 'yes'));
  return blame;
}

async function wordOn({ native, board }: Watch): Promise<Blame | undefined> {
  const [word] = await soon(native.look(board, ['fault']));
  return word === '' ? undefined : (JSON.parse(word!) as Blame);
}

/** How many a rank has begun, by its beat. */
function collectives(beat: string): number {
  return Number(beat.split(' ')[1] ?? 0);
}

async function soon<T>(answer: Promise<T>): Promise<T> {
  const end = new AbortController();
  const late = setTimeout(patience, undefined, { signal: end.signal }).then(() => {
    throw new Error('the store does not answer');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    end.abort();
  }
}

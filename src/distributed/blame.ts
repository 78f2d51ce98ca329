import { setTimeout } from 'node:timers/promises';
import type { NativeDistributed, NativeGroup } from '../engine/torch/native.js';

/** Longer than a living rank, which writes four beats a second, goes without one. */
const silence = 1000;
/** How long the store may take. */
const patience = 1500;

/** Who it is that the others wait for, and how it is with that rank. */
export type Blame =
  | { readonly rank: number; readonly state: 'gone' | 'behind' }
  /** It has said so itself, and why. */
  | { readonly rank: number; readonly state: 'failed'; readonly message: string };

/** Leaves word for the others of why this rank ends; whether it reaches them. */
export async function leaveWord(
  native: NativeDistributed,
  group: NativeGroup,
  rank: number,
  message: string,
): Promise<boolean> {
  const fault: Blame = { rank, state: 'failed', message };
  try {
    await soon(native.note(group, 'fault', JSON.stringify(fault)));
    return true;
  } catch {
    // The store is gone: then so is the run, and what this rank failed with is told by itself.
    return false;
  }
}

/**
 * Finds out whose fault it is that a wait failed: asks the store what another rank found, else which rank has no
 * heartbeat, else which has begun fewer collective calls than this one.
 *
 * @returns undefined where all ranks live and have come as far as this one
 */
export async function findBlame(
  native: NativeDistributed,
  group: NativeGroup,
  rank: number,
  size: number,
): Promise<Blame | undefined> {
  const others = Array.from({ length: size }, (_, i) => i).filter((other) => other !== rank);
  const beats = others.map((other) => `beat/${other}`);
  try {
    const before = await soon(native.look(group, ['fault', `beat/${rank}`, ...beats]));
    if (before[0] !== '') return JSON.parse(before[0]!) as Blame;
    await setTimeout(silence);
    const after = await soon(native.look(group, ['fault', `beat/${rank}`, ...beats]));
    if (after[0] !== '') return JSON.parse(after[0]!) as Blame;
    const gone = others.find((_, i) => after[i + 2] === before[i + 2]);
    const behind = others.find((_, i) => collectives(after[i + 2]!) < collectives(after[1]!));
    const blame: Blame | undefined =
      gone !== undefined
        ? { rank: gone, state: 'gone' }
        : behind !== undefined
          ? { rank: behind, state: 'behind' }
          : undefined;
    if (blame !== undefined) await soon(native.note(group, 'fault', JSON.stringify(blame)));
    return blame;
  } catch {
    // The store is rank 0's, or whoever's who started the ranks and ended with them.
    return rank === 0 ? undefined : { rank: 0, state: 'gone' };
  }
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

import { UserError } from '../core/errors.js';
import { UsageError } from './errors.js';

/** Ranks as `--parallel` asks for them. */
export interface AskedRanks {
  /** Over how many the blocks are spread; undefined where each has all. */
  readonly blocks: number | undefined;
  /** How many shares of every batch there are; undefined where as many as ranks are started. */
  readonly data: number | undefined;
}

/**
 * `data`, `data=2`, `blocks=2`, `blocks=2,data=2`.
 *
 * @throws UsageError for anything else
 */
export function parallelOf(text: string | undefined): AskedRanks | undefined {
  if (text === undefined) return undefined;
  if (text === 'data') return { blocks: undefined, data: undefined };
  const parts = text.split(',').map((part) => /^(data|blocks)=([1-9]\d{0,3})$/.exec(part));
  const asked = new Map(parts.map((part) => [part?.[1], Number(part?.[2])]));
  if (asked.has(undefined) || asked.size < parts.length) {
    throw new UsageError(
      `--parallel must be "data", "data=RANKS", "blocks=RANKS" or "blocks=RANKS,data=TIMES", got "${text}"`,
    );
  }
  const blocks = asked.get('blocks');
  return { blocks, data: asked.get('data') ?? 1 };
}

/** More processes than this no one machine is for. */
const mostRanks = 64;

/**
 * How many are to be started; undefined where they have been.
 *
 * @throws UsageError if these are too many for one machine
 */
export function ranksOf({ blocks = 1, data }: AskedRanks): number | undefined {
  if (data === undefined) return undefined;
  if (blocks * data > mostRanks) {
    throw new UsageError(
      `--parallel: ${blocks * data} ranks on this machine, at most ${mostRanks}: start them on several, as docs/distributed.md says`,
    );
  }
  return blocks * data;
}

/** The same arguments, with an override for what is asked for, which keeps what else the config says of ranks. */
export async function withAsked<
  T extends {
    readonly config: string;
    readonly set: readonly string[];
    readonly parallel?: AskedRanks | undefined;
  },
>(args: T): Promise<T> {
  const { config: path, set, parallel: asked } = args;
  if (asked === undefined) return args;
  const { readDocument, readText } = await import('../config/document.js');
  const { z } = await import('zod');
  const whole = readDocument(readText(path), path, set).valueFor(z.unknown());
  const { parallel } = z.looseObject({ parallel: z.unknown().optional() }).parse(whole);
  const own = typeof parallel === 'object' && parallel !== null ? parallel : {};
  const rest = Object.entries(own).filter(([key]) => key !== 'blocks' && key !== 'data');
  const [first] = rest;
  if (asked.blocks === undefined && first !== undefined) {
    throw new UserError(
      `--parallel data: parallel.${first[0]} is for ranks that have blocks: add them (--parallel blocks=2,data=2), or leave it out (--set parallel=data)`,
    );
  }
  const merged =
    asked.blocks === undefined ? 'data' : JSON.stringify({ ...Object.fromEntries(rest), ...asked });
  return { ...args, set: [...set, `parallel=${merged}`] };
}

import { UserError } from '../core/errors.js';

/** Where a process stands among those that train together. */
export interface Placement {
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** Among those of this machine: the GPU that is its own. */
  readonly localRank: number;
  /** Where the ranks meet. */
  readonly host: string;
  readonly port: number;
  /** Whether this process is to listen there: rank 0, unless who started the ranks does. */
  readonly servesStore: boolean;
  /** Which start of the same ranks this is, from 0: what an earlier one left in the store is not read. */
  readonly attempt: number;
}

/**
 * The placement that torchrun, or who else starts the ranks, says by the environment: `RANK`, `WORLD_SIZE`,
 * `LOCAL_RANK`, `MASTER_ADDR`, `MASTER_PORT`, and where torchrun listens itself `TORCHELASTIC_USE_AGENT_STORE`.
 *
 * @returns undefined where neither `RANK` nor `WORLD_SIZE` is set: a process by itself
 * @throws UserError for a variable that is missing or is no such number
 */
export function placementIn(environment: NodeJS.ProcessEnv): Placement | undefined {
  if (environment['RANK'] === undefined && environment['WORLD_SIZE'] === undefined) return undefined;
  const text = (name: string): string => {
    const value = environment[name];
    if (value !== undefined && value !== '') return value;
    throw new UserError(
      `${name} is not set: ranks need RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as torchrun sets them`,
    );
  };
  const number = (name: string, least: number, most: number): number => {
    const value = text(name);
    if (/^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    throw new UserError(`${name} must be a number from ${least} to ${most}, got '${value}'`);
  };
  const size = number('WORLD_SIZE', 1, 65536);
  const rank = number('RANK', 0, size - 1);
  const agentServes = environment['TORCHELASTIC_USE_AGENT_STORE'] === 'True';
  return {
    rank,
    size,
    localRank: environment['LOCAL_RANK'] === undefined ? 0 : number('LOCAL_RANK', 0, size - 1),
    host: text('MASTER_ADDR'),
    port: number('MASTER_PORT', 1, 65535),
    servesStore: rank === 0 && !agentServes,
    attempt:
      environment['TORCHELASTIC_RESTART_COUNT'] === undefined
        ? 0
        : number('TORCHELASTIC_RESTART_COUNT', 0, 999_999_999),
  };
}

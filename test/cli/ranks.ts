import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { rankEnvironment } from '../distributed/ranks.js';
import { ended, start, type Outcome } from './helpers.js';

const status = nativeStatus();
/** Tests of ranks are skipped, visibly, where libtorch has no torch.distributed. */
export const hasGroups = status.available && status.native.distributed !== null;

/** One rank of a command, as torchrun would start it. */
export interface CommandRank {
  readonly child: ChildProcessWithoutNullStreams;
  readonly outcome: Promise<
    Outcome & { /** When it ended, as `performance.now()` says it. */ readonly at: number }
  >;
}

/**
 * Starts ranks of the same command on this machine, each in a process of its own.
 *
 * @param args of all, or of each by its rank
 */
export async function startCommand(
  size: number,
  args: readonly string[] | ((rank: number) => readonly string[]),
  environment: NodeJS.ProcessEnv = {},
): Promise<readonly CommandRank[]> {
  const own = await rankEnvironment(size);
  return Array.from({ length: size }, (_, rank) => {
    const child = start(typeof args === 'function' ? args(rank) : args, { ...own(rank), ...environment });
    const outcome = ended(child).then((each) => ({ ...each, at: performance.now() }));
    return { child, outcome };
  });
}

/** What all of them end with. */
export function outcomesOf(ranks: readonly CommandRank[]) {
  return Promise.all(ranks.map(({ outcome }) => outcome));
}

/** Ends those that still run. */
export function killAll(ranks: readonly CommandRank[]): void {
  for (const { child } of ranks) child.kill('SIGKILL');
}

/** A digest of a run's weights. */
export function weightsHash(folder: string): string {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'weights.safetensors')))
    .digest('hex');
}

/** A config that trains in a second, of the plugin that makes a rank fail where FAULT says. */
export const faultConfig = `
name: faults
plugins: [${JSON.stringify(join(import.meta.dirname, '../support/fault-plugin.ts'))}]
engine: torch
data: { name: dots }
network: { name: tiny }
train: { epochs: 3, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 0 }
method: { method: greedy, blocks: 4 }
`;

/** One line, the last: where in the training, then `what`, a regular expression. */
export const errorLine = (what: string): RegExp =>
  new RegExp(`^error: (epoch \\d+, (step \\d+|evaluation): )?${what}.*\n$`, 'm');

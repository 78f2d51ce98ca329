import { hostname } from 'node:os';
import tf = require('@tensorflow/tfjs');
import { messageOf, UserError } from '../core/errors.js';
import { TorchBackend } from '../engine/torch/backend.js';
import { C10dGroup, secondsSince } from './c10d-group.js';
import type { PartOfRanks } from './mesh.js';
import type { Placement } from './placement.js';

/** A group of the ranks that were started. */
export interface JoinOptions {
  /** Of every wait. */
  readonly timeoutSeconds: number;
  /** Of a group beside that of all ranks, which it is to be a part of. */
  readonly part?: (PartOfRanks & { readonly within: C10dGroup }) | undefined;
}

/** Seconds that a rank waits for another where nothing else is said. */
export const usualTimeoutSeconds = 300;

/**
 * Joins the ranks that `placement` is among, on the torch engine: by NCCL on GPUs, else by Gloo, whose network
 * interface `GLOO_SOCKET_IFNAME` names; where it is not set, it is the one that leads to `placement.host`. The group of
 * all ranks is joined first and closed last: rank 0 may be the place where they meet.
 *
 * @throws UserError if a rank does not come in time, which it names, or the engine cannot do it
 */
export async function joinProcessGroup(
  placement: Placement,
  { timeoutSeconds, part }: JoinOptions,
): Promise<C10dGroup> {
  const backend = tf.backend();
  if (!(backend instanceof TorchBackend)) {
    throw new UserError('ranks that train together need the torch engine: set engine: torch');
  }
  const native = backend.native.distributed;
  if (native === null) {
    throw new UserError(
      'the torch engine was built without torch.distributed: see "locallearn doctor" for its libtorch',
    );
  }
  const wanted = backend.device === 'cuda' ? 'nccl' : 'gloo';
  if (!native.backends.includes(wanted)) {
    throw new UserError(
      `ranks on GPUs need NCCL, which the torch engine was built without: install nccl.h, set NCCL_HOME, and run "npx locallearn setup"`,
    );
  }
  const ranks = part?.ranks ?? Array.from({ length: placement.size }, (_, i) => i);
  const began = performance.now();
  try {
    const group = await native.join(
      placement.host,
      placement.port,
      placement.servesStore && part === undefined,
      `locallearn/${placement.attempt}/${part?.name ?? 'all'}`,
      ranks.length,
      ranks.indexOf(placement.rank),
      wanted,
      process.env['GLOO_SOCKET_IFNAME'] ?? '',
      hostname(),
      Math.round(timeoutSeconds * 1000),
    );
    return new C10dGroup(backend, native, group, {
      ...{ names: ranks, rank: ranks.indexOf(placement.rank), timeoutSeconds },
      servesStore: placement.servesStore && part === undefined,
      within: part?.within,
    });
  } catch (error) {
    throw new UserError(
      `rank ${placement.rank}: ${messageOf(error).replace(/^join: /, '')}, after ${secondsSince(began)}`,
      { cause: error },
    );
  }
}

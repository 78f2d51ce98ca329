import { configDocument } from '../config/config.js';
import { configDifferences } from '../config/differences.js';
import type { MethodConfig } from '../config/method-config.js';
import { UserError } from '../core/errors.js';
import { version } from '../core/version.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import type { Experiment } from './experiment.js';
import { runConfigOf } from './run-config.js';

/**
 * Refuses ranks of another version or config, and hands out what each rank brings along.
 *
 * @param config a document, as `configDocument` gives it
 * @param own anything that JSON can hold
 * @returns every rank's own, by rank
 * @throws UserError, the same on every rank, where one has another config than rank 0 or another version
 */
export async function agreeOn<Own>(group: ProcessGroup, config: object, own: Own): Promise<readonly Own[]> {
  const texts = await group.exchange(JSON.stringify({ version, config, own }));
  const all = texts.map((text) => JSON.parse(text) as { version: string; config: object; own: Own });
  const first = all[0]!;
  all.forEach((each, rank) => {
    if (each.version !== first.version) {
      throw new UserError(`rank ${rank} is version ${each.version} and rank 0 version ${first.version}`);
    }
    const differences = configDifferences(first.config, each.config);
    if (differences.length === 0) return;
    throw new UserError(
      [`rank ${rank} has another config (here) than rank 0 (there):`, ...differences].join('\n'),
    );
  });
  return all.map(({ own }) => own);
}

/**
 * Refuses to share batches with ranks of another version or config.
 *
 * @param finished on rank 0, which knows the run's folder: whether nothing is left to do
 * @returns the method, which recomputes what rank 0's does; undefined on all ranks where nothing is left to train
 * @throws UserError on every rank, with what differs from rank 0
 */
export async function agreeToTrain(
  ranks: ProcessGroup,
  experiment: Experiment,
  method: MethodConfig,
  finished = false,
): Promise<MethodConfig | undefined> {
  const own = { finished, ...planOf(method) };
  const [first] = await agreeOn(ranks, configDocument(runConfigOf(experiment, method)), own);
  return first!.finished ? undefined : { ...method, ...planOf(first!) };
}

/** What ranks hand out of what was measured for a method. */
export const planOf = ({ plan }: Pick<MethodConfig, 'plan'>): Pick<MethodConfig, 'plan'> =>
  plan === undefined ? {} : { plan };

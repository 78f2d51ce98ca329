import type { BadImage, Dataset } from '../data/dataset.js';
import type { TrainContext } from './context.js';

/** Bad images, by their index, that an event has told of. */
export type Reported = Readonly<Record<'train' | 'test', Set<number>>>;

/** Reports each bad image once in a run: they are the same in every epoch. */
export function skippedReporter(
  reported: Reported,
  { evaluatedOn = 'test' }: Pick<Dataset, 'evaluatedOn'>,
  onEvent: TrainContext['onEvent'],
) {
  return (epoch: number, split: 'train' | 'test') =>
    (bad: readonly BadImage[]): void => {
      const images = bad.filter(({ index }) => !reported[split].has(index));
      for (const { index } of images) reported[split].add(index);
      const name = split === 'test' ? evaluatedOn : split;
      if (images.length > 0) onEvent?.({ type: 'skipped', epoch, split: name, images });
    };
}

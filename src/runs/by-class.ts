import { z } from 'zod';
import type { ByClass } from '../train/by-class.js';

const count = z.int().min(0);

/** What a network takes the images of each class for, as a run's summary has it: an entry a class, in their order. */
export const classRecordSchema = z
  .object({
    classes: z.array(z.string()).min(1),
    /** Images of each class that were evaluated. */
    images: z.array(count),
    /** The share of these that were taken for that class, 0…1; null where there are none. */
    accuracy: z.array(z.number().min(0).max(1).nullable()),
    /** Images by true class (row) and by answer (column): the confusion matrix. Absent for more than 100 classes. */
    counts: z.array(z.array(count)).exactOptional(),
  })
  .refine(
    ({ classes, images, accuracy, counts = [] }) =>
      [images, accuracy, ...(counts.length > 0 ? [counts] : []), ...counts].every(
        (each) => each.length === classes.length,
      ),
    'must have an entry for each class in every list',
  );

export type ClassRecord = z.infer<typeof classRecordSchema>;

/** An evaluation by class as it is recorded. */
export function classRecord(classes: readonly string[], { images, correct, counts }: ByClass): ClassRecord {
  return {
    classes: [...classes],
    images: [...images],
    accuracy: images.map((of, i) => (of === 0 ? null : correct[i]! / of)),
    ...(counts && { counts: counts.map((row) => [...row]) }),
  };
}

import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { shown } from '../../core/shown.js';
import type { ParquetFile } from '../../formats/parquet.js';
import { checkClassCount, MOST_CLASSES } from './file-split-builder.js';

/** The classes of Parquet files, found while their labels are read. */
export interface ParquetClasses {
  /** Of a label, as it was first seen. */
  indexOf(label: unknown, inTraining: boolean, place: string): number;
  /** @throws UserError if a file has other names for its labels */
  refuseOthers(file: ParquetFile): void;
  /** Their names in order, and the place there of each as it was first seen. */
  finish(dir: string): { readonly names: string[]; readonly places: readonly number[] };
}

/**
 * Whole numbers with names in the file's metadata (`ClassLabel`) have these for classes; else classes are the labels that
 * there are, ordered by value if all are whole numbers, else by code units.
 *
 * @param first the first file to train on: the names of the others are to be the same
 * @param label the column
 */
export function parquetClasses(first: ParquetFile, label: string): ParquetClasses {
  const named = labelNames(first, label);
  const seen = new Map<string, number>();
  return {
    indexOf(value, inTraining, place) {
      refuseUnlabelled(value, inTraining, place);
      if (named !== undefined) {
        const index = typeof value === 'bigint' ? Number(value) : value;
        if (typeof index === 'number' && named[index] !== undefined) return index;
        throw new UserError(
          `${place}: the label ${shown(String(value))} is none of 0 to ${named.length - 1}`,
        );
      }
      const text = typeof value === 'bigint' || typeof value === 'number' ? String(value) : value;
      if (typeof text !== 'string' || text.trim() === '' || /\p{Cc}/u.test(text)) {
        throw new UserError(`${place}: the label ${shown(String(value))} is no class`);
      }
      const known = seen.get(text.normalize('NFC'));
      if (known !== undefined) return known;
      if (!inTraining) throw new UserError(`${place}: the class ${shown(text)} has no training images`);
      if (seen.size >= MOST_CLASSES) {
        throw new UserError(
          `${place}: more than ${MOST_CLASSES} classes: is "${shown(label)}" the right column?`,
        );
      }
      seen.set(text.normalize('NFC'), seen.size);
      return seen.size - 1;
    },
    refuseOthers(file) {
      if (JSON.stringify(labelNames(file, label)) === JSON.stringify(named)) return;
      throw new UserError(
        `${shown(file.path)}: its labels have other names than those of ${shown(first.path)}`,
      );
    },
    finish(dir) {
      const names = [...(named ?? seen.keys())];
      checkClassCount(shown(dir), names.length, 'labels');
      if (named !== undefined) return { names, places: names.map((_, i) => i) };
      const numbers = names.every((name) => /^(0|[1-9]\d{0,14})$/.test(name));
      const sorted = [...names].sort(numbers ? (a, b) => Number(a) - Number(b) : undefined);
      const rank = new Map(sorted.map((name, i) => [name, i]));
      return { names: sorted, places: names.map((name) => rank.get(name)!) };
    },
  };
}

/** Hugging Face's data sets have -1 for the label of an image that has none, most often in a test split. */
function refuseUnlabelled(value: unknown, inTraining: boolean, place: string): void {
  const isNegative = (typeof value === 'bigint' || typeof value === 'number') && value < 0;
  if (value !== null && value !== undefined && !isNegative) return;
  const what = isNegative ? `the label ${value} stands for an image without one` : 'has no label, but null';
  const others = inTraining
    ? ''
    : ', or evaluate on other images: data.evaluateOn names the split, data.validation holds out a share of the training images';
  throw new UserError(
    `${place}: ${what}: leave such rows out of the file (classes are numbers from 0)${others}`,
  );
}

const featuresSchema = z.object({
  info: z.object({ features: z.record(z.string(), z.unknown()) }),
});
const classLabelSchema = z.object({
  _type: z.literal('ClassLabel'),
  names: z.array(z.string().min(1)).min(1),
});

/** What Hugging Face's metadata calls the values of a column of labels; undefined where it says nothing of them. */
function labelNames({ path, keyValues, columns }: ParquetFile, label: string): readonly string[] | undefined {
  const text = keyValues.get('huggingface');
  if (text === undefined || columns.get(label) !== 'integer') return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new UserError(`${shown(path)}: damaged: its metadata "huggingface" is not JSON`);
  }
  const feature = featuresSchema.safeParse(document).data?.info.features[label];
  const names = classLabelSchema.safeParse(feature).data?.names;
  const twin = names?.find((name, i) => names.indexOf(name) < i);
  if (twin !== undefined) throw new UserError(`${shown(path)}: two labels are called ${shown(twin)}`);
  return names;
}

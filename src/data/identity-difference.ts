import { shown } from '../core/shown.js';
import type { DataIdentity, SplitIdentity } from './identity.js';

/** Classes that a message names. */
const NAMED = 3;

/**
 * In what two data sets differ, a part of a sentence each: `train: 24 images there, 29 here (cat 12 there, 17 here)`.
 * None if they are the same as far as both are known: a split that only one of them has been read with says nothing.
 */
export function dataDifferences(there: DataIdentity, here: DataIdentity): string[] {
  const [a, b] = [there, here].map(({ classes }) => classes.map((name) => name.normalize('NFC')));
  const classes = classDifferences(a!, b!);
  const splits = (['train', 'test'] as const).flatMap((name) => {
    const [old, now] = [there[name], here[name]];
    if (old === undefined || now === undefined) return [];
    const counts = countDifference(valuesByClass(a!, old.images), valuesByClass(b!, now.images));
    // Of other classes all names and labels are others too.
    const what = counts ?? (classes.length === 0 ? contentDifference(a!, old, now) : undefined);
    return what === undefined ? [] : `${name}: ${what}`;
  });
  return [...classes, ...readingDifferences(there, here), ...splits];
}

/** Of sets that both tell how their images are read. */
function readingDifferences({ reading: there }: DataIdentity, { reading: here }: DataIdentity): string[] {
  if (there === undefined || here === undefined) return [];
  const parts = (['imageShape', 'mean', 'std'] as const).filter(
    (part) => there[part].join() !== here[part].join(),
  );
  return parts.map((part) => `${part}: ${there[part].join(', ')} there, ${here[part].join(', ')} here`);
}

function classDifferences(there: readonly string[], here: readonly string[]): string[] {
  const gone = there.filter((name) => !here.includes(name));
  const added = here.filter((name) => !there.includes(name));
  const sides = [
    ...(gone.length > 0 ? [`${listed(gone)} only there`] : []),
    ...(added.length > 0 ? [`${listed(added)} only here`] : []),
  ];
  if (sides.length > 0) return [`classes: ${sides.join(', ')}`];
  return there.every((name, i) => name === here[i]) ? [] : ['classes: in another order'];
}

type ByClass = ReadonlyMap<string, number>;

function valuesByClass(classes: readonly string[], values: readonly number[]): ByClass {
  return new Map(classes.map((name, i) => [name, values[i] ?? 0]));
}

function countDifference(there: ByClass, here: ByClass): string | undefined {
  const [a, b] = [there, here].map((counts) => [...counts.values()].reduce((sum, count) => sum + count, 0));
  const changed = changes(there, here);
  if (a === b && changed === undefined) return undefined;
  const total = a === b ? 'images of classes' : `${a} images there, ${b} here`;
  return changed === undefined ? total : `${total} (${changed})`;
}

/** Of classes that both have. */
function changes(there: ByClass, here: ByClass): string | undefined {
  const changed = [...there].filter(([name, value]) => here.has(name) && here.get(name) !== value);
  if (changed.length === 0) return undefined;
  return listed(changed.map(([name, value]) => `${name} ${value} there, ${here.get(name)} here`));
}

/** Of splits with as many images of each class. */
function contentDifference(
  classes: readonly string[],
  there: SplitIdentity,
  here: SplitIdentity,
): string | undefined {
  if (there.files?.names !== here.files?.names) return 'other file names, or in another order';
  if (there.labels !== here.labels) {
    return here.files === undefined ? 'other labels, or in another order' : 'other labels of the same files';
  }
  if (there.values !== undefined && here.values !== undefined && there.values !== here.values) {
    return 'other pixel values of the same labels';
  }
  if (there.files?.sizes === here.files?.sizes) return undefined;
  const [a, b] = [there, here].map(({ files }) => valuesByClass(classes, files?.bytes ?? []));
  const changed = changes(a!, b!);
  return `other sizes of the same files${changed === undefined ? '' : ` (bytes: ${changed})`}`;
}

function listed(parts: readonly string[]): string {
  const named = parts.slice(0, NAMED).map(shown).join(', ');
  return parts.length > NAMED ? `${named} and ${parts.length - NAMED} more` : named;
}

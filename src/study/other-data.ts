import { parseYaml } from '../config/yaml-source.js';
import { namedOptionsSchema, type Chosen } from '../core/choice.js';
import { UserError } from '../core/errors.js';
import { shown } from '../core/shown.js';
import { visible } from '../core/visible.js';
import { validate } from '../config/validate-document.js';
import type { Augmentation, Dataset, Split } from '../data/dataset.js';
import type { ScanProgress } from '../data/files/scan.js';
import type { DatasetKind } from '../data/kind.js';
import { buildChosen } from '../core/choice.js';
import { holdsFloats, sharedLabels } from '../data/split.js';
import { refuseOtherValues, type NetworkUse } from '../runs/network-use.js';

/** Images that a network was not trained on, read as it reads its own. */
export interface OtherData {
  readonly name: string;
  /** What a loader is opened for: of the network's size without its border. */
  readonly dataset: Dataset;
  /** With the network's labels. */
  readonly split: Split;
  /** Zero pixels to put around each image. */
  readonly border: number;
  /** Classes of the network that it has no image of. */
  readonly absent: readonly string[];
}

/** Classes that a message names. */
const named = 5;

/**
 * Opens a data set to evaluate a network on. What is not said of its images is taken as the network reads its own:
 * their size, channels, crop, background and, in any case, normalisation.
 *
 * @param text a config's `data` section, in YAML: a name, or a map
 * @param on the split to read; without `test` none needs to be there
 * @throws UserError if there is no such data, it has a class that the network does not know, or images of another size
 */
export async function openOtherData(
  text: string,
  use: NetworkUse,
  on: 'train' | 'test',
  kinds: readonly DatasetKind[],
  progress?: ScanProgress,
): Promise<OtherData> {
  const { reading, mean, std } = use;
  const border = reading?.border ?? 0;
  const [height, width, channels] = use.imageShape;
  const inner = [height - 2 * border, width - 2 * border, channels] as const;
  const source = await sourceOf(text, { ...use, imageShape: inner }, kinds).read({
    withTest: on === 'test',
    progress,
  });
  const { name, imageShape } = source;
  const fits = (shape: readonly number[]): boolean => shape.every((size, i) => size === imageShape[i]);
  if (!fits(inner) && !fits(use.imageShape)) {
    throw new UserError(
      visible(
        `--data: images of ${name} are ${imageShape.join('×')}, and the network was trained on ${inner.join('×')}`,
      ),
    );
  }
  const given = source[on];
  if (given === undefined) throw new Error(`${name} has been read without its ${on} split`);
  refuseOtherValues(use, holdsFloats(given) ? 'floats' : 'bytes', `--data: ${visible(name)} has`);
  const { labels, absent } = labelsOf(given, source.classes, use.classes, name);
  const split = { ...given, labels };
  const crop: Augmentation['crop'] =
    (reading?.crop ?? source.augmentation.crop.kind) === 'resized'
      ? { kind: 'resized', scale: [1, 1], ratio: [1, 1] }
      : { kind: 'padded', pad: 0, padMode: 'zero' };
  return {
    ...{ name, split, absent },
    border: fits(use.imageShape) ? 0 : border,
    dataset: {
      ...source,
      ...{ classes: use.classes, mean, std, train: split, test: split },
      augmentation: { crop, flip: false },
    },
  };
}

function sourceOf(text: string, use: NetworkUse, kinds: readonly DatasetKind[]) {
  const { value } = parseYaml(text, '--data');
  const chosen = typeof value === 'string' ? { name: value } : value;
  const document = {
    valueFor: () => (isMap(chosen) ? { ...readAs(use, chosen, kinds), ...chosen } : chosen),
    locate: () => '--data',
  };
  return buildChosen(kinds, validate(namedOptionsSchema(kinds), document));
}

const isMap = (value: unknown): value is Chosen => typeof value === 'object' && value !== null;

/** How the network reads images, in words that the data set has. */
function readAs(
  { imageShape, reading }: NetworkUse,
  { name }: Chosen,
  kinds: readonly DatasetKind[],
): object {
  const options = kinds.find((kind) => kind.name === name)?.options.shape ?? {};
  const [height, width, channels] = imageShape;
  const known = { imageSize: [height, width], channels, background: reading?.background };
  return Object.fromEntries(
    Object.entries(known).filter(([key, value]) => value !== undefined && Object.hasOwn(options, key)),
  );
}

function labelsOf(
  { size, labels }: Split,
  theirs: readonly string[],
  ours: readonly string[],
  data: string,
): { readonly labels: Uint16Array; readonly absent: readonly string[] } {
  const places = new Map(ours.map((name, i) => [name.normalize('NFC'), i]));
  const unknown = theirs.filter((name) => !places.has(name.normalize('NFC')));
  if (unknown.length > 0) {
    throw new UserError(
      visible(
        `--data: ${data} has classes that the network does not know: ${listed(unknown)}; it was trained on ${listed(ours)}`,
      ),
    );
  }
  const own = sharedLabels(size);
  labels.forEach((label, i) => (own[i] = places.get(theirs[label]!.normalize('NFC'))!));
  const there = new Set(own);
  return { labels: own, absent: ours.filter((_, i) => !there.has(i)) };
}

function listed(names: readonly string[]): string {
  const first = names.slice(0, named).map(shown).join(', ');
  return names.length > named ? `${first} and ${names.length - named} more` : first;
}

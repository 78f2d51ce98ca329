import fc from 'fast-check';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCsvList } from '../../../src/data/files/csv.js';
import { readGroundTruth } from '../../../src/data/files/imagenet-truth.js';
import { readSynsetText } from '../../../src/data/files/imagenet-synsets.js';
import { readSynsetNames } from '../../../src/data/files/imagenet-names.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { UserError } from '../../../src/core/errors.js';
import { temporaryFolders } from '../helpers.js';
import { metaMat } from './meta-mat.js';
import { plant, write } from './tree.js';

const folder = temporaryFolders();

/** Bytes replaced, put in, left out or cut off, those with a meaning more often than others. */
const edits = fc.array(
  fc.record({
    at: fc.nat(),
    remove: fc.nat(6),
    insert: fc.oneof(
      fc.constantFrom(
        '"',
        ',',
        '\n',
        '\r',
        '\r\n',
        '\0',
        '\uFEFF',
        '""',
        ',,',
        '../',
        'train',
        'path',
        ' ',
        '9',
      ),
      fc.uint8Array({ maxLength: 6 }),
    ),
    cut: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
);
type Edits = typeof edits extends fc.Arbitrary<infer T> ? T : never;

function mutated(original: Buffer, changes: Edits): Buffer {
  return changes.reduce((bytes, { at, remove, insert, cut }, i) => {
    const start = at % (bytes.length + 1);
    const rest = cut && i === 0 ? Buffer.alloc(0) : bytes.subarray(start + remove);
    return Buffer.concat([bytes.subarray(0, start), Buffer.from(insert as string), rest]);
  }, original);
}

/** Whether reading went well; anything but a UserError of one short line that names the file is a failure. */
async function survives(file: string, read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).not.toMatch(/[\n\r\0]/);
    expect(error.message).toContain(file);
    expect(error.message.length).toBeLessThan(1200);
    return false;
  }
}

/** Reads a file, and many mutations of it: some have to be refused. */
async function fuzz(
  file: string,
  original: string | Buffer,
  read: () => Promise<unknown>,
  numRuns = fuzzRuns(2000),
): Promise<void> {
  let refused = 0;
  const content = Buffer.from(original as string);
  write('', file, content);
  expect(await survives(file, read)).toBe(true);
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      write('', file, mutated(content, changes));
      if (!(await survives(file, read))) refused++;
    }),
    { numRuns },
  );
  // How many do no harm is chance: of a file with a checksum next to none.
  expect(refused).toBeGreaterThan(0);
}

const FOX = 'n02119789';
const TENCH = 'n01440764';
const CRANE = 'n03126707';
const numbering = `${FOX} 1 kit_fox\n${CRANE} 2 crane\n${TENCH} 3 tench\n`;

describe('any damage to a file is told in a line or does no harm', () => {
  test('a CSV list', async () => {
    const dir = plant(folder(), '1.jpg', '2.jpg', 'sub/3.jpg', '4.jpg');
    const rows = ['1.jpg,cat,train', '"2.jpg",dog,train', '"sub/3.jpg", "a ""b""",train', '4.jpg,cat,test'];
    const file = join(dir, 'list.csv');
    const request = { file, dir: undefined, withTest: true, evaluateOn: undefined };
    await fuzz(file, `path,label,split\r\n${rows.join('\r\n')}\r\n`, async () => {
      const { classes, train, test } = await readCsvList(request);
      const images = [train, test!];
      for (const { labels, size, paths } of images) {
        expect(labels).toHaveLength(size);
        expect(paths.starts).toHaveLength(size + 1);
        expect(Math.max(...labels)).toBeLessThan(classes.length);
      }
    });
  });

  test("the devkit's ground truth", async () => {
    const dir = folder();
    const file = join(dir, 'ILSVRC2012_validation_ground_truth.txt');
    write(dir, 'map_clsloc.txt', numbering);
    await fuzz(file, '3\n1\n2\n1\n2\n3\n', () => readGroundTruth([dir], 'val'));
  });

  test("the devkit's numbering as text", async () => {
    const file = join(folder(), 'map_clsloc.txt');
    await fuzz(file, numbering, () => readSynsetText(file), 500);
  });

  test("the devkit's meta.mat", async () => {
    const dir = folder();
    const synsets = [FOX, CRANE, TENCH].map((wnid, i) => ({ id: i + 1, wnid, words: `word ${i}` }));
    const file = join(dir, 'meta.mat');
    await fuzz(file, metaMat(synsets), () => readSynsetNames([dir], [TENCH, FOX, CRANE]), 500);
  });

  test("Kaggle's solution", async () => {
    const dir = folder();
    const file = join(dir, 'LOC_val_solution.csv');
    const rows = [FOX, TENCH, CRANE].map((wnid, i) => `ILSVRC2012_val_0000000${i + 1},${wnid} 1 2 3 4 \n`);
    await fuzz(file, `ImageId,PredictionString\n${rows.join('')}`, () => readGroundTruth([dir], 'val'));
  });

  test("Kaggle's names", async () => {
    const dir = folder();
    const file = join(dir, 'LOC_synset_mapping.txt');
    await fuzz(
      file,
      `${TENCH} tench, Tinca tinca\n${FOX} kit fox\n`,
      async () => {
        expect(await readSynsetNames([dir], [TENCH, FOX])).toHaveLength(2);
      },
      500,
    );
  });
});

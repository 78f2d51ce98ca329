import { existsSync } from 'node:fs';
import { z } from 'zod';
import { countCsvClasses, readCsvList } from '../files/csv.js';
import { defineDataset } from '../kind.js';
import { path } from './fields.js';
import { fromFiles, shapeOf } from './from-files.js';
import { checkOwn, ownFields } from './own-images.js';

/** A list of images, as `readCsvList` reads it. */
export const csvKind = defineDataset({
  name: 'csv',
  options: z
    .strictObject({
      /** `path,label[,split]`. */
      file: path,
      /** Where relative paths begin; default: the file's own folder. */
      dir: path.exactOptional(),
      ...ownFields,
    })
    .superRefine(checkOwn),
  build: ({ file, dir, evaluateOn, ...options }) => ({
    read: async ({ withTest, progress }) =>
      fromFiles(`csv ${file}`, await readCsvList({ file, dir, withTest, evaluateOn }, progress), options),
    describe: async () => ({
      classes: await countCsvClasses(file),
      imageShape: shapeOf(options.imageSize, options.channels),
    }),
    isPresent: () => existsSync(file),
  }),
});

import { existsSync } from 'node:fs';
import { z } from 'zod';
import { countParquetClasses, readParquet } from '../files/parquet.js';
import { defineDataset } from '../kind.js';
import { path } from './fields.js';
import { fromFiles, shapeOf } from './from-files.js';
import { checkOwn, ownFields } from './own-images.js';

/** Parquet files of images, as Hugging Face's data sets have them; `readParquet` reads them. */
export const parquetKind = defineDataset({
  name: 'parquet',
  options: z
    .strictObject({
      dir: path,
      /** The column of images. */
      image: z.string().min(1).default('image'),
      /** The column of labels. */
      label: z.string().min(1).default('label'),
      ...ownFields,
    })
    .superRefine(checkOwn),
  build: ({ dir, image, label, evaluateOn, ...options }) => ({
    read: async ({ withTest, progress }) =>
      fromFiles(
        `parquet ${dir}`,
        await readParquet({ dir, image, label, withTest, evaluateOn }, progress),
        options,
      ),
    describe: async () => ({
      classes: await countParquetClasses({ dir, image, label }),
      imageShape: shapeOf(options.imageSize, options.channels),
    }),
    isPresent: () => existsSync(dir),
  }),
});

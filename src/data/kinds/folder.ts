import { existsSync } from 'node:fs';
import { z } from 'zod';
import { countFolderClasses, scanFolder } from '../files/folder.js';
import { defineDataset } from '../kind.js';
import { path } from './fields.js';
import { fromFiles, shapeOf } from './from-files.js';
import { checkOwn, ownFields } from './own-images.js';

/** A folder of images with a folder for each class, as `scanFolder` finds it. */
export const folderKind = defineDataset({
  name: 'folder',
  options: z.strictObject({ dir: path, ...ownFields }).superRefine(checkOwn),
  build: ({ dir, evaluateOn, ...options }) => ({
    read: async ({ withTest, progress }) =>
      fromFiles(`folder ${dir}`, await scanFolder({ dir, withTest, evaluateOn }, progress), options),
    describe: async () => ({
      classes: await countFolderClasses(dir),
      imageShape: shapeOf(options.imageSize, options.channels),
    }),
    isPresent: () => existsSync(dir),
  }),
});

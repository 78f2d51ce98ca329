import { existsSync } from 'node:fs';
import { z } from 'zod';
import { readManifest } from '../fetch/manifest.js';
import { countImagenetClasses, scanImagenet } from '../files/imagenet.js';
import { IMAGENET_CLASSES } from '../files/imagenet-synsets.js';
import { defineDataset } from '../kind.js';
import { background, dirOf, imageSize } from './fields.js';
import { fromFiles, shapeOf } from './from-files.js';

/** ImageNet as `scanImagenet` finds it, or a folder with fewer of its classes. */
export const imagenetKind = defineDataset({
  name: 'imagenet',
  options: z.strictObject({ dir: dirOf('imagenet'), imageSize, background }),
  build: ({ dir, ...options }) => ({
    async read({ withTest, progress }) {
      const images = await scanImagenet({ dir, withTest }, progress);
      const { length } = images.classes;
      const name = length === IMAGENET_CLASSES ? 'imagenet' : `imagenet (${length} of its classes)`;
      return fromFiles(name, images, { ...options, channels: 3 });
    },
    describe: async () => ({
      classes: await countImagenetClasses(dir),
      imageShape: shapeOf(options.imageSize, 3),
    }),
    isPresent: () => existsSync(dir),
    counts: () => readManifest('imagenet').images,
    files: { manifest: 'imagenet', dir },
  }),
});

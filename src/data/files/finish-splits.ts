import { splitIdentity } from '../identity.js';
import type { FileImages } from './file-images.js';
import type { FileSplitBuilder } from './file-split-builder.js';
import type { ScanProgress } from './scan.js';
import { fileSizes } from './sizes.js';

/**
 * What was collected, and a look at the files' sizes: what identifies it. The builders are not to be used any more.
 * @param classes as the identity has them
 * @param mostLooks at files of a split, evenly spread; default: at every file
 */
export async function finishSplits(
  classes: readonly string[],
  builders: { readonly train: FileSplitBuilder; readonly test?: FileSplitBuilder },
  progress?: ScanProgress,
  mostLooks = Infinity,
): Promise<Pick<FileImages, 'train' | 'test' | 'identity'>> {
  const finish = async (builder: FileSplitBuilder, before: number) => {
    const { split, names } = builder.finish();
    const every = Math.max(1, Math.ceil(split.size / mostLooks));
    const sizes = await fileSizes(split.paths, every, (looked) => progress?.(before + looked));
    return { split, identity: splitIdentity(split, classes.length, { names, sizes }) };
  };
  const train = await finish(builders.train, 0);
  const test = builders.test && (await finish(builders.test, train.split.size));
  return {
    train: train.split,
    test: test?.split,
    identity: { classes: [...classes], train: train.identity, ...(test && { test: test.identity }) },
  };
}

import { existsSync } from 'node:fs';
import { UserError } from '../../core/errors.js';
import { exists } from '../../core/read.js';
import { missingAt } from '../../core/shown.js';
import type { Dataset } from '../dataset.js';
import { readManifest } from '../fetch/manifest.js';
import { verifyFiles } from '../fetch/verify.js';
import type { DatasetShape, DatasetSource } from '../kind.js';

/** A data set that `locallearn data fetch` gets, in the folder that it was put into. */
export function fetchedSource(
  name: string,
  dir: string,
  { shape, read }: { readonly shape: DatasetShape; readonly read: () => Promise<Dataset> },
): DatasetSource & Required<Pick<DatasetSource, 'counts'>> {
  return {
    async read() {
      // Of which nothing is there: the command that gets it is what helps.
      if (await exists(dir)) return read();
      throw new UserError(
        `${missingAt(dir)}: get it with "locallearn data fetch ${name}", or say with data.dir where it is`,
      );
    },
    describe: () => shape,
    isPresent: async () =>
      existsSync(dir) && (await verifyFiles(readManifest(name), dir, { checksums: false })).length === 0,
    counts: () => readManifest(name).images,
    files: { manifest: name, dir },
  };
}

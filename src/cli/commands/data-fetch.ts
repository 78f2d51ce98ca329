import { join } from 'node:path';
import { nearest } from '../../core/schema-problems.js';
import type { Manifest } from '../../data/fetch/manifest.js';
import { readManifest } from '../../data/fetch/manifest.js';
import type { Command } from '../command.js';
import { officialNames } from '../../data/options.js';
import { UsageError } from '../errors.js';
import { withInterrupts } from '../interrupts.js';
import { amountProgress } from './amount-progress.js';

const fetchOptions = {
  dir: { type: 'string', requiresArg: true, describe: 'the folder to put it in [datasets/<name>]' },
  with: {
    type: 'string',
    requiresArg: true,
    describe: "parts beside the usual ones, with commas between: svhn's extra",
  },
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const;

export interface FetchArguments {
  readonly name: string;
  readonly dir: string | undefined;
  readonly with: string | undefined;
  readonly quiet: boolean;
}

export const fetchCommand: Command<object, FetchArguments> = {
  command: 'fetch <name>',
  options: fetchOptions,
  describe: 'download, check and unpack a data set; goes on with a broken download',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', demandOption: true, describe: officialNames.join(', ') })
      .options(fetchOptions)
      .example('$0 data fetch cifar10', '')
      .example('$0 data fetch svhn --with extra --dir /data/svhn', ''),
  handler: (args) => {
    const name = officialNames.find((known) => known === args.name);
    if (name === undefined) {
      throw new UsageError(
        `no data set "${args.name}"${nearest(args.name, officialNames)}; there are ${officialNames.join(', ')}`,
      );
    }
    return runFetch(readManifest(name), args);
  },
};

/** Fetches what the manifest names, with progress, and says where it is. */
export async function runFetch(manifest: Manifest, args: FetchArguments): Promise<void> {
  const dir = args.dir ?? join('datasets', manifest.name);
  const { fetchDataset, stagingOf } = await import('../../data/fetch/fetch.js');
  const progress = amountProgress(process.stderr, args.quiet);
  await withInterrupts(async (signal) => {
    try {
      const outcome = await fetchDataset(manifest, dir, {
        parts: args.with?.split(',').map((part) => part.trim()) ?? [],
        signal,
        onProgress: ({ doing, file, done, total }) =>
          progress.update({ label: `${doing} ${file}`, unit: 'bytes', done, total }),
        onNote: (line) => progress.note(line),
      });
      progress.end();
      process.stdout.write(
        `${manifest.title} is in ${dir}${outcome === 'present' ? ' already, checked' : ''}\n`,
      );
      process.stdout.write(`licence: ${manifest.licence}\ncite: ${manifest.cite}\n`);
      if (manifest.note !== undefined) process.stdout.write(`note: ${manifest.note}\n`);
    } catch (error) {
      if (!signal.aborted) throw error;
      progress.end();
      process.stderr.write(
        `stopped; what has come is kept in ${stagingOf(dir)}, and the same command goes on from there\n`,
      );
    } finally {
      progress.end();
    }
  });
}

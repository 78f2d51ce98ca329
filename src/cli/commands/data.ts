import type { CommandModule } from 'yargs';
import { fetchCommand, fetchOptions } from './data-fetch.js';
import { infoCommand, infoOptions } from './data-info.js';
import { previewCommand, previewOptions } from './data-preview.js';
import { verifyCommand, verifyOptions } from './data-verify.js';

/** All of its subcommands' options. */
export const dataOptions = { ...fetchOptions, ...verifyOptions, ...infoOptions, ...previewOptions };

export const dataCommand: CommandModule = {
  command: 'data',
  describe: 'fetch, verify, describe and preview data sets',
  builder: (yargs) =>
    yargs
      .command(fetchCommand)
      .command(verifyCommand)
      .command(infoCommand)
      .command(previewCommand)
      .demandCommand(1, 'a command is missing: data fetch, data verify, data info, data preview'),
  handler: () => {},
};

import type { CommandModule } from 'yargs';
import { fetchCommand } from './data-fetch.js';
import { infoCommand } from './data-info.js';
import { previewCommand } from './data-preview.js';
import { verifyCommand } from './data-verify.js';

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

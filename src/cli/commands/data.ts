import { nameOf, type AnyCommand, type Command } from '../command.js';
import { fetchCommand } from './data-fetch.js';
import { infoCommand } from './data-info.js';
import { previewCommand } from './data-preview.js';
import { verifyCommand } from './data-verify.js';

const commands: readonly AnyCommand[] = [fetchCommand, verifyCommand, infoCommand, previewCommand];

export const dataCommand: Command = {
  command: 'data',
  describe: 'fetch, verify, describe and preview data sets',
  options: {},
  commands,
  builder: (yargs) =>
    yargs
      .command([...commands])
      .demandCommand(1, `a command is missing: ${commands.map((each) => `data ${nameOf(each)}`).join(', ')}`),
  handler: () => {},
};

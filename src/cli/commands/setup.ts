import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../core/errors.js';
import type { Command } from '../command.js';

/** What prepares each engine that needs it, in the package's folder of scripts. */
const scripts = { torch: 'setup-bridge.sh', tensorflow: 'tensorflow-engine.sh' } as const;

const setupOptions = {
  engine: {
    choices: Object.keys(scripts) as (keyof typeof scripts)[],
    default: 'torch',
    requiresArg: true,
    describe: 'torch: builds the bridge to libtorch; tensorflow: installs that of TensorFlow',
  },
} as const;

interface SetupArguments {
  readonly engine: keyof typeof scripts;
}

export const setupCommand: Command<object, SetupArguments> = {
  command: 'setup',
  options: setupOptions,
  describe: 'build what a fast engine needs, where this package is installed',
  builder: (yargs) =>
    yargs
      .options(setupOptions)
      .example('$0 setup', '')
      .example('LIBTORCH=/opt/libtorch $0 setup', 'with this libtorch and no other')
      .example('$0 setup --engine tensorflow', ''),
  handler: ({ engine }) => {
    const script = fileURLToPath(new URL(`../../../scripts/${scripts[engine]}`, import.meta.url));
    const began = performance.now();
    const { status, error } = spawnSync('bash', [script], { stdio: 'inherit' });
    if (error) throw new UserError(`setup: bash does not start (${error.message})`);
    // The script has said why.
    if (status !== 0) process.exitCode = 1;
    else
      process.stdout.write(
        `took ${Math.round((performance.now() - began) / 1000)} s; see locallearn doctor\n`,
      );
  },
};

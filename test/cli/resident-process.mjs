// Runs command lines of the built program one after another, each as `main.js` would: the modules are loaded once.
import { runCommandLine } from '../../dist/cli/program.js';

Error.stackTraceLimit = 50;
const [node, , program] = process.argv;

process.on('message', async (args) => {
  process.argv = [node, program, ...args];
  await runCommandLine();
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  // What ends the output of one command: no command writes this.
  for (const stream of [process.stdout, process.stderr]) stream.write('\0');
  process.send(code);
});

// Runs command lines of the built program one after another, each as `main.js` would: the modules are loaded once.
import { runCommandLine } from '../../dist/cli/program.js';

Error.stackTraceLimit = 50;
const [node, , program] = process.argv;
const environment = { ...process.env };

// With the worker that it is of.
const end = () => process.exit();
process.on('disconnect', end);

process.on('message', async (command) => {
  Object.assign(process.env, command.environment);
  process.argv = [node, program, ...command.args];
  await runCommandLine();
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  // A rank takes the process that it hears of for its launcher.
  process.removeAllListeners('disconnect').on('disconnect', end);
  process.channel.ref();
  // What ends the output of one command: no command writes this.
  for (const stream of [process.stdout, process.stderr]) stream.write('\0');
  process.send(code);
});

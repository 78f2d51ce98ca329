#!/usr/bin/env node
import { runCommandLine } from './program.js';

// TensorFlow.js alone is more than ten calls deep: a plugin's place in the stack would be cut off.
Error.stackTraceLimit = 50;

// A reader that goes away (`| head`) takes the output's end with it; the work itself goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

await runCommandLine();

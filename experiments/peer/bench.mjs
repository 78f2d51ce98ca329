// Times training steps of locallearn and of plain PyTorch (peer.py) in turn, in one run, on the same threads.
//   npm run bench:peer -- --methods bp,auglocal,man,hpff --batch 128 --json
// What the user can mend is told in one line: with --json as {"error": …}.
import { messageOf, UserError } from '../../dist/core/errors.js';

try {
  await import('./measure.mjs');
} catch (error) {
  const ofOptions = String(error?.code).startsWith('ERR_PARSE_ARGS');
  if (!(error instanceof UserError) && !ofOptions) throw error;
  const [line] = messageOf(error).split('\n');
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error: line }));
  else console.error(`error: ${line}`);
  process.exitCode = 1;
}

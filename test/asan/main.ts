// 20,000 random calls of the bridge, for a build of it under AddressSanitizer. Bundled and run by run.mjs.
// Arguments: the addon, the seed, the file that each call is written to before it is made.
import fc from 'fast-check';
import { openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Native } from '../../src/engine/torch/native.js';
import { rightCalls } from '../engine/torch/native-calls.js';
import { describeCall, randomCall, runCall, wrongCall } from '../engine/torch/native-random.js';

const [addon, seedText, logPath] = process.argv.slice(2) as [string, string, string];
const native = createRequire(import.meta.url)(addon) as Native;
const seed = Number(seedText);
const log = openSync(logPath, 'w');

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));

let made = 0;
let succeeded = 0;
function call(spec: (typeof rightCalls)[number], args: readonly unknown[]): void {
  // What is left of a longer line behind this one does no harm: a crash is read up to the line's end.
  writeSync(log, `${describeCall(spec)}(${args.map(shown).join(', ')})\n`, 0);
  made++;
  try {
    runCall(native, spec, args);
    succeeded++;
  } catch (error) {
    if (!(error instanceof Error)) throw new TypeError(`${describeCall(spec)} threw ${String(error)}`);
  }
}

const before = native.memory('cpu').allocatedBytes;
for (const spec of rightCalls) call(spec, spec.args);
if (succeeded < rightCalls.length) throw new Error('a right call failed');
const property = <T>(calls: fc.Arbitrary<T>, run: (value: T) => void, numRuns: number): void => {
  fc.assert(fc.property(calls, run), { seed, numRuns, endOnFailure: true });
};
property(wrongCall, ({ spec, args }) => call(spec, args), 12_000);
property(randomCall, ({ spec, args }) => call(spec, args), 8_000);
const left = native.memory('cpu').allocatedBytes - before;
if (left !== 0) throw new Error(`${left} bytes are still held`);
console.log(
  `${made} calls of ${new Set(rightCalls.map(describeCall)).size} operators, seed ${seed}: ${succeeded} went through, ${made - succeeded} threw a JavaScript error, nothing else happened, no byte is left`,
);

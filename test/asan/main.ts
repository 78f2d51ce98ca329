// 20,000 random calls of the bridge's operators, 2,000 of its own functions, and captured steps, for a build of it under AddressSanitizer. Bundled and run by run.mjs.
// Arguments: the addon, the seed, the file that each call is written to before it is made.
import fc from 'fast-check';
import { openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Native, NativeStep } from '../../src/engine/torch/native.js';
import { rightCalls } from '../engine/torch/native-calls.js';
import {
  describeCall,
  randomCall,
  randomOwnCall,
  runCall,
  withTensors,
  wrongCall,
} from '../engine/torch/native-random.js';
import { randomCaptureCall, randomSegments, replayRandom } from '../engine/torch/native-steps.js';

const [addon, seedText, logPath] = process.argv.slice(2) as [string, string, string];
const native = createRequire(import.meta.url)(addon) as Native;
const functions = native as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
const seed = Number(seedText);
const log = openSync(logPath, 'w');

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));

let made = 0;
let succeeded = 0;
function call(name: string, args: readonly unknown[], run: () => void): void {
  // What is left of a longer line behind this one does no harm: a crash is read up to the line's end.
  writeSync(log, `${name}(${args.map(shown).join(', ')})\n`, 0);
  made++;
  try {
    run();
    succeeded++;
  } catch (error) {
    if (!(error instanceof Error)) throw new TypeError(`${name} threw ${String(error)}`);
  }
}
const callOperator = (spec: (typeof rightCalls)[number], args: readonly unknown[]): void => {
  call(describeCall(spec), args, () => runCall(native, spec, args));
};

const before = native.memory('cpu').allocatedBytes;
for (const spec of rightCalls) callOperator(spec, spec.args);
if (succeeded < rightCalls.length) throw new Error('a right call failed');
const property = <T>(calls: fc.Arbitrary<T>, run: (value: T) => void, numRuns: number): void => {
  fc.assert(fc.property(calls, run), { seed, numRuns, endOnFailure: true });
};
property(wrongCall, ({ spec, args }) => callOperator(spec, args), 12_000);
property(randomCall, ({ spec, args }) => callOperator(spec, args), 8_000);
property(
  randomOwnCall,
  ({ name, args }) => {
    call(name, args, () => withTensors(native, args, (built) => functions[name]!(...built)));
  },
  2_000,
);
property(
  randomSegments,
  (segments) => {
    call('capture', [segments], () => {
      const { expected, replayed } = replayRandom(native, segments);
      if (String(replayed) !== String(expected)) throw new TypeError('what was made again is something else');
    });
  },
  500,
);
const captured = ((): NativeStep => {
  const under = native.capture.begin();
  native.capture.open(under, [], [], [], []);
  native.capture.close(under, []);
  return native.capture.end(under, true) as NativeStep;
})();
property(
  randomCaptureCall([captured, native.capture.begin()]),
  ([name, args]) => {
    call(`capture.${name}`, args, () => (native.capture[name] as (...args: unknown[]) => unknown)(...args));
  },
  2_000,
);
const left = native.memory('cpu').allocatedBytes - before;
if (left !== 0) throw new Error(`${left} bytes are still held`);
console.log(
  `${made} calls of ${new Set(rightCalls.map(describeCall)).size} operators, seed ${seed}: ${succeeded} went through, ${made - succeeded} threw a JavaScript error, nothing else happened, no byte is left`,
);

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fuzzRuns } from '../../support/fuzz.js';
import { rightCalls } from './native-calls.js';
import { describeCall, randomCall, runCall, wrongCall } from './native-random.js';
import { describeNative } from './native-tools.js';

/** Of the random calls: one that kills the process must be there again. */
const seed = Number(process.env['LOCALLEARN_FUZZ_SEED'] ?? 1);

describeNative(`calls of libtorch, seed ${seed}`, ({ native }) => {
  it.each(rightCalls.map((spec) => [describeCall(spec), spec] as const))(
    '%s is called rightly',
    (_name, spec) => {
      expect(() => {
        runCall(native, spec, spec.args);
      }).not.toThrow();
    },
  );

  it('with arguments replaced at random throw nothing but JavaScript errors that name the operator', () => {
    const before = native.memory('cpu').allocatedBytes;
    let succeeded = 0;
    fc.assert(
      fc.property(wrongCall, ({ spec, args }) => {
        try {
          runCall(native, spec, args);
          succeeded++;
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          const { message } = error as Error;
          expect(message.startsWith(`${describeCall(spec)}: `) ? '' : message).toBe('');
          expect(message).not.toContain('\n');
        }
      }),
      { numRuns: fuzzRuns(12_000), seed },
    );
    expect(succeeded).toBeGreaterThan(fuzzRuns(12_000) / 120);
    expect(native.memory('cpu').allocatedBytes).toBe(before);
  });

  it('with nothing but random arguments do so too', () => {
    fc.assert(
      fc.property(randomCall, ({ spec, args }) => {
        try {
          runCall(native, spec, args);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: fuzzRuns(8000), seed },
    );
  });
});

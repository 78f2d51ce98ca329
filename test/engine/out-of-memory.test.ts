import { expect, test } from 'vitest';
import { inPhase, isOutOfMemory } from '../../src/engine/out-of-memory.js';
import { UserError } from '../../src/core/errors.js';

const ofTheBridge = Object.assign(new Error('aten::zeros: out of memory: 64 bytes asked for'), {
  code: 'OUT_OF_MEMORY',
});

/** What is thrown for an array of so many bytes. */
function arrayOf(bytes: number): unknown {
  try {
    return new Uint8Array(bytes);
  } catch (error) {
    return error;
  }
}

test('knows what engines, JavaScript and phases within throw, and nothing else', () => {
  expect(isOutOfMemory(ofTheBridge)).toBe(true);
  expect(isOutOfMemory(arrayOf(3.072e12))).toBe(true);
  expect(isOutOfMemory(new RangeError('Array buffer allocation failed'))).toBe(true);
  expect(isOutOfMemory(new Error('OOM when allocating tensor with shape[1048576,1048576]'))).toBe(true);
  expect(isOutOfMemory(new UserError('evaluation', { cause: ofTheBridge }))).toBe(true);
  expect(isOutOfMemory(arrayOf(-1))).toBe(false);
  expect(isOutOfMemory(new Error('the file speaks of "out of memory"'))).toBe(false);
  expect(isOutOfMemory('out of memory')).toBe(false);
});

test('the innermost phase names itself, the bytes and the remedy', () => {
  const fails = (error: unknown) => (): never => {
    throw error;
  };
  const nested = (): void => inPhase('outer', 'this', () => inPhase('inner', 'that', fails(ofTheBridge)));
  expect(nested).toThrow(UserError);
  expect(nested).toThrow(/^inner: aten::zeros: out of memory: 64 bytes asked for; that$/);
  expect(() => inPhase('batch', 'lower it', fails(arrayOf(3.072e12)))).toThrow(
    /^batch: out of memory: Invalid typed array length: 3072000000000; lower it$/,
  );
  const defect = new TypeError('x is not a function');
  expect(() => inPhase('batch', 'lower it', fails(defect))).toThrow(defect);
});

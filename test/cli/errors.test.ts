import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { reportOf, UsageError } from '../../src/cli/errors.js';
import { Interrupted } from '../../src/cli/interrupts.js';
import { UserError } from '../../src/core/errors.js';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

it('prints what the user can mend on one line, with a stack only where it is asked for', () => {
  expect(reportOf(new UserError('no such file'), false)).toEqual({
    text: 'error: no such file\n',
    exitCode: 1,
  });
  expect(reportOf(new UserError('one\ntwo'), false).text).toBe('error: one\nerror: two\n');
  expect(reportOf(new UserError('no such file'), true).text).toMatch(/^error: no such file\n.*\n\s+at /);
  expect(reportOf(new UsageError('what?'), false)).toEqual({
    text: 'error: what?\nsee "locallearn --help"\n',
    exitCode: 2,
  });
  expect(reportOf(new UsageError('what?'), false, 'data fetch').text).toMatch(
    /\nsee "locallearn data fetch --help"\n$/,
  );
});

it("prints the operating system's errors as they are", () => {
  const error = thrownBy(() => mkdirSync('/proc/none/here'));
  expect(reportOf(error, false)).toEqual({
    text: expect.stringMatching(/^error: ENOENT.*\n$/) as string,
    exitCode: 1,
  });
});

/** An error whose stack begins at these places. */
function thrownAt(...places: readonly string[]): TypeError {
  const error = new TypeError('x is not a function');
  error.stack = [`TypeError: ${error.message}`, ...places.map((place) => `    at build (${place})`)].join(
    '\n',
  );
  return error;
}

const own = new URL('../../src/local/registry.js:10:3', import.meta.url).href;

it('calls anything else a defect and shows its stack', () => {
  const { text, exitCode } = reportOf(thrownAt(own, 'node:internal/modules:1:2'), false);
  expect(text).toMatch(/^error: x is not a function\nthis is a defect of locallearn, please report/);
  expect(text).toMatch(/\n\s+at /);
  expect(exitCode).toBe(70);
  expect(reportOf('a string', false).text).toMatch(/^error: a string\nthis is a defect/);
});

it('says where in a plugin an error comes from', () => {
  const library = 'file:///home/me/node_modules/some/index.js:1:1';
  const { text, exitCode } = reportOf(thrownAt(library, 'file:///home/me/my-strategy.ts:12:5', own), false);
  expect(text).toMatch(
    /^error: x is not a function\nit comes from \/home\/me\/my-strategy\.ts:12:5, which is not part of locallearn:\n.*\n\s+at /,
  );
  expect(exitCode).toBe(1);
});

it('says nothing of an interruption but its exit code', () => {
  expect(reportOf(new Interrupted(130), false)).toEqual({ text: '', exitCode: 130 });
});

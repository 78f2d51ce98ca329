import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { reportOf, UsageError } from '../../src/cli/errors.js';
import { Interrupted } from '../../src/cli/interrupts.js';
import { UserError } from '../../src/errors.js';

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
});

it("prints the operating system's errors as they are", () => {
  const error = thrownBy(() => mkdirSync('/proc/none/here'));
  expect(reportOf(error, false)).toEqual({
    text: expect.stringMatching(/^error: ENOENT.*\n$/) as string,
    exitCode: 1,
  });
});

it('calls anything else a defect and shows its stack', () => {
  const { text, exitCode } = reportOf(new TypeError('x is not a function'), false);
  expect(text).toMatch(/^error: x is not a function\nthis is a defect of locallearn, please report/);
  expect(text).toMatch(/\n\s+at /);
  expect(exitCode).toBe(70);
  expect(reportOf('a string', false).text).toMatch(/^error: a string\nthis is a defect/);
});

it('says nothing of an interruption but its exit code', () => {
  expect(reportOf(new Interrupted(130), false)).toEqual({ text: '', exitCode: 130 });
});

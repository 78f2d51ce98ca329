import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const environment = join(import.meta.dirname, '../../.venv-test');

/** The Python whose packages read our files. */
export const testPython = join(environment, 'bin/python');

/** Written when all of test/readers/requirements.txt is installed. */
export const hasTestPython = existsSync(join(environment, 'requirements.txt'));

/** Tests that need that Python: skipped where it is not, visibly, but not where everything must be tested. */
export function describeReaders(title: string, tests: () => void): void {
  it.runIf(process.env['CI'] === 'true')('.venv-test is there', () => expect(hasTestPython).toBe(true));
  describe.skipIf(!hasTestPython)(
    `${title} (skipped without .venv-test: bash scripts/test-python.sh)`,
    tests,
  );
}

/** What a script of test/readers prints, which is JSON. */
export function askReader(script: string, args: readonly string[]): unknown {
  const path = join(import.meta.dirname, '../readers', script);
  const stdout = execFileSync(testPython, [path, ...args], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1' },
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return JSON.parse(stdout);
}

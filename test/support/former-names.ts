import { afterAll } from 'vitest';
import { onFormerName } from '../../src/core/former-names.js';

/** The lines that the tests of a file cause on former names, as they come. */
export function collectFormerNames(): string[] {
  const lines: string[] = [];
  const before = onFormerName((line) => lines.push(line));
  afterAll(() => {
    onFormerName(before);
  });
  return lines;
}

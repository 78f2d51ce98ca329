import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const marks = /spawn|execFile|\bfork\b|support\/(ranks|python|chromium)\.js/;

/** Whether a test file starts programs, ranks or a browser: what of all tests takes longest. */
export const startsPrograms = (file: string): boolean =>
  /^test.cli./.test(relative('.', file)) || marks.test(readFileSync(file, 'utf8'));

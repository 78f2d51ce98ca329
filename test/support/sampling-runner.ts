import { TestRunner, type RunnerTestFile, type RunnerTestSuite } from 'vitest';
import { relative } from 'node:path';
import { sample } from './fuzz.js';
import { startsPrograms } from './programs.js';

/** Of the tests of a file, one of so many is tried. */
const one = 8;

/**
 * Of files that start programs, tries an eighth of the tests, other ones of each file; `LOCALLEARN_SAMPLE=1` the next
 * eighth. Half of all the time goes to those.
 */
export default class SamplingRunner extends TestRunner {
  onCollected(files: readonly RunnerTestFile[]): void {
    for (const file of files) {
      if (!startsPrograms(file.filepath)) continue;
      const name = relative('.', file.filepath);
      let place = sample + [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
      skipOthers(file, () => place++ % one === 0);
    }
  }
}

/** A suite of which nothing is left is skipped too: its hooks need not run. */
function skipOthers(suite: RunnerTestSuite, chosen: () => boolean): void {
  for (const task of suite.tasks) {
    if (task.type === 'suite') skipOthers(task, chosen);
    else if (!chosen() && task.mode === 'run') task.mode = 'skip';
  }
  if (suite.mode === 'run' && suite.tasks.every(({ mode }) => mode !== 'run')) suite.mode = 'skip';
}

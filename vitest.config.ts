import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { startsPrograms } from './test/support/programs.js';

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name));

/**
 * What a test file does to its process for good, or counts of all that is in it: mocks, the environment, V8's flags, the
 * engine's inside, wasm's memory, every variable, or every byte, of which the garbage collector may free some that another
 * file has left. To load modules and libtorch takes longest of most files, so that all others are run in processes that
 * stay.
 */
const changesProcess =
  /\bvi\.(mock|doMock|stub\w+|spyOn|useFakeTimers)\b|process\.(chdir|umask|on)\(|process\.env\S* (\?\?)?= |delete process\.env|setFlagsFromString|setBackend|startTorch|describeNative|startEngine\('wasm'|listPeak|memory\.current\(\)|\bheld\b[^;]*support\/ranks\.js|registeredVariables/;
const alone = files.filter((name) => changesProcess.test(readFileSync(name, 'utf8')));

/**
 * What takes longest, to train or to start programs, comes first: at the end no worker is idle for long. (Durations of the
 * last run, where there was one, are what `BaseSequencer` sorts by.)
 */
const trains = /start(Engine|Ranks|Command|Torch)|selectEngine|resident|runRanks/;
const takesLong = (file: string): boolean => startsPrograms(file) || trains.test(readFileSync(file, 'utf8'));
class LongestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(specifications);
    const long = new Set(sorted.filter(({ moduleId }) => takesLong(moduleId)));
    return [...long, ...sorted.filter((each) => !long.has(each))];
  }
}

const tryAll = process.env['CI'] === 'true';
/** Who names files or tests wants them all. */
const namesFiles = process.argv.slice(2).some((argument) => !/^(-.*|run|watch|dev|list)$/.test(argument));
if (!tryAll) {
  const programs = namesFiles ? '' : 'tests that start programs: an eighth, ';
  const first = process.env['LOCALLEARN_SAMPLE'] ?? 0;
  console.log(
    `${programs}long lists of cases: a sample (LOCALLEARN_SAMPLE=${first}), random cases: a fifth; CI=true tries all`,
  );
}

const shared = {
  // A native tensor engine lives in each worker: processes, so that its memory counters are that test's alone.
  pool: 'forks',
  // Two workers on two cores: more threads each would only wait for one another.
  env: { OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' },
  // A busy machine is slow, not wrong.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  setupFiles: 'test/support/setup.ts',
  ...(tryAll || namesFiles ? {} : { runner: './test/support/sampling-runner.ts' }),
} as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: { ...shared, name: 'together', include: ['test/**/*.test.ts'], exclude: alone, isolate: false },
      },
      { test: { ...shared, name: 'alone', include: alone } },
    ],
  },
});

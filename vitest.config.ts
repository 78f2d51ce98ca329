import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A native tensor engine lives in each worker: processes, so that its memory counters are that test's alone.
    pool: 'forks',
    maxWorkers: 2,
    // Two workers on two cores: more threads each would only wait for one another.
    env: { OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' },
    // A busy machine is slow, not wrong.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

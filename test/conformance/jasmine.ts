import { createRequire } from 'node:module';

/** As much of jasmine 3 as is used here; TensorFlow.js's tests are written for that version. */
export interface JasmineEnv {
  configure(options: {
    random: boolean;
    failFast: boolean;
    specFilter(spec: { getFullName(): string }): boolean;
  }): void;
  addReporter(reporter: {
    specStarted?(spec: { fullName: string }): void;
    specDone(spec: SpecResult): void;
    jasmineDone(): void;
  }): void;
  execute(): void;
}

export interface SpecResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failedExpectations: readonly { readonly message: string }[];
}

interface JasmineRequire {
  core(required: JasmineRequire): { getEnv(): JasmineEnv };
  interface(core: object, env: JasmineEnv): Record<string, unknown>;
}

const jasmineRequire = createRequire(import.meta.url)(
  'jasmine-core/lib/jasmine-core/jasmine.js',
) as JasmineRequire;
const core = jasmineRequire.core(jasmineRequire);

export const jasmineEnv = core.getEnv();
Object.assign(globalThis, jasmineRequire.interface(core, jasmineEnv));

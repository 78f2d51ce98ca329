// TensorFlow.js's own op tests, which its npm package ships, against the engine that tests run on. Bundled and run by run.mjs. The
// order of the imports matters: the tests look for jasmine's globals and the backend when they are loaded.
import './jasmine.js';
import './environment.js';
import '@tensorflow/tfjs-core/dist/tests.js';
import { testEngine } from '../support/engine.js';
import { exclusions as byEngine, type Exclusion } from './exclusions.js';
import { jasmineEnv, type SpecResult } from './jasmine.js';

const environmentName = / \w+ \{\}/;
const plainName = (spec: string): string => spec.replace(environmentName, '');

/** At least this share of the tests that apply has to pass. */
const required = 0.97;

const exclusions = byEngine[testEngine] ?? [];
const only = process.argv[2];
const exclusionOf = (name: string): Exclusion | undefined =>
  exclusions.find(({ test }) => (typeof test === 'string' ? test === name : test.test(name)));
const failed: SpecResult[] = [];
const met = new Map<Exclusion, string[]>();
let passed = 0;
let excluded = 0;
let inapplicable = 0;

jasmineEnv.configure({
  random: false,
  failFast: false,
  specFilter: (spec) => only === undefined || spec.getFullName().includes(only),
});
jasmineEnv.addReporter({
  specDone(spec) {
    const name = plainName(spec.fullName);
    const exclusion = exclusionOf(name);
    if (spec.status === 'excluded' || spec.status === 'pending') inapplicable++;
    else if (exclusion !== undefined) {
      excluded++;
      met.set(exclusion, [...(met.get(exclusion) ?? []), name]);
      if (spec.status === 'passed') failed.push({ ...spec, failedExpectations: [passesNow] });
    } else if (spec.status === 'passed') passed++;
    else failed.push(spec);
    if (process.stderr.isTTY && passed % 50 === 0) process.stderr.write(`\r${passed} passed`);
  },
  jasmineDone() {
    if (process.stderr.isTTY) process.stderr.write('\r');
    for (const { fullName, failedExpectations } of failed) {
      const message = failedExpectations[0]?.message ?? 'failed without a message';
      process.stdout.write(`failed: ${plainName(fullName)}\n  ${message.replaceAll('\n', '\n  ')}\n`);
    }
    const absent = only === undefined ? exclusions.filter((exclusion) => !met.has(exclusion)) : [];
    for (const { test } of absent)
      process.stdout.write(`excluded, but there is no such test: ${String(test)}\n`);
    for (const [{ reason }, names] of met)
      process.stdout.write(`excluded: ${names.join('\n  and ')}\n  ${reason}\n`);
    const share = passed / (passed + failed.length + excluded);
    process.stdout.write(
      `passed ${passed}, failed ${failed.length}, excluded ${excluded}: ${(100 * share).toFixed(2)} % of those that apply pass; ` +
        `${inapplicable} do not apply\n`,
    );
    // The tests leave timers and servers behind.
    process.exit(failed.length === 0 && absent.length === 0 && share >= required ? 0 : 1);
  },
});
jasmineEnv.execute();

const passesNow = { message: 'is excluded but passes: take it off the list' };

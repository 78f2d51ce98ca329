import { availableParallelism, totalmem } from 'node:os';
import { expect, it } from 'vitest';
import { machineSchema, thisMachine } from '../../src/core/machine.js';
import { version } from '../../src/core/version.js';

it('names this machine', () => {
  const machine = machineSchema.parse(thisMachine());
  expect(machine).toMatchObject({
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    locallearn: version,
  });
  expect(machine.cpu).toMatch(/\S/);
  expect(machine.system).toMatch(/\S/);
});

import { beforeAll, expect, it } from 'vitest';
import * as library from '../src/index.js';
import { startEngine } from './support/engine.js';

beforeAll(() => startEngine());

/** What a program in JavaScript may hand to anything by mistake. */
const mistakes: readonly (readonly unknown[])[] = [
  [],
  [undefined],
  [null],
  ['text'],
  [{}],
  [0],
  [[]],
  [{}, {}],
];

/**
 * Functions that a step calls for every batch, or that take any value: they believe their types, and what is wrong is
 * found where they were put together.
 */
const believing = new Set([
  ...['detach', 'isDetached', 'forwardThrough', 'networkForward', 'unitsForward', 'blockForward', 'headLoss'],
  ...['crossEntropy', 'binaryCrossEntropy', 'supervisedContrast', 'trainStep', 'independentPath'],
  ...['dglNet', 'imagenetNet', 'imagenetHead', 'hpffImagenetDecoder', 'manImagenetDecoder'],
]);

const functions = Object.entries(library).filter(
  (entry): entry is [string, (...given: readonly unknown[]) => unknown] =>
    typeof entry[1] === 'function' && entry[0] !== 'UserError' && !/^[A-Z]/.test(entry[0]),
);

it.each(functions.filter(([name]) => !believing.has(name)))(
  '%s takes what it is given, or refuses it in one line',
  async (_, call) => {
    for (const given of mistakes) {
      try {
        await call(...given);
      } catch (error) {
        if (!(error instanceof library.UserError)) throw error;
        expect(error.message).toMatch(/^.+$/);
      }
    }
  },
);

import { expect, it } from 'vitest';
import { messageOf, UserError } from '../../src/core/errors.js';
import { calling } from '../../src/core/their-code.js';

const nameless = Object.create(null) as object;

it.each([
  ['text', 'text'],
  [undefined, 'undefined'],
  [nameless, '[Object: null prototype] {}'],
  [Symbol('s'), 'Symbol(s)'],
  [Object.assign(new Error(), { message: nameless }), '[Object: null prototype] {}'],
])('has a message for anything thrown: %#', (thrown, message) => {
  expect(messageOf(thrown)).toBe(message);
});

it.each([
  ['two\nlines', 'two\\nlines'],
  [undefined, 'undefined'],
  [nameless, '[Object: null prototype] {}'],
])('what somebody throws that is no error gets their place: %#', async (thrown, shown) => {
  const message = `own.ts:3: method "mine" threw ${shown}, which is no Error and knows no place: throw new Error('…') there`;
  const refuse = (): never => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as a plugin may
    throw thrown;
  };
  expect(() => calling('own.ts:3: method "mine"', refuse)).toThrow(new UserError(message));
  const later = async (): Promise<never> => Promise.resolve().then(refuse);
  await expect(calling('own.ts:3: method "mine"', later)).rejects.toThrow(message);
});

it('an error stays what it is', async () => {
  const error = new TypeError('broken');
  expect(() =>
    calling('own.ts', () => {
      throw error;
    }),
  ).toThrow(error);
  expect(calling('own.ts', () => 3)).toBe(3);
  await expect(calling('own.ts', () => Promise.resolve(4))).resolves.toBe(4);
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPickle } from '../../src/formats/pickle.js';
import { isArray, isString, pickleText, type PickleValue } from '../../src/formats/pickle-values.js';
import { userMessage } from '../data/helpers.js';
import { fuzzRuns } from '../support/fuzz.js';
import { watchAllocations } from './allocations.js';
import { fuzz, mutated } from './fuzz.js';
import { pickleOf } from './pickle-writer.js';

const read = (bytes: Uint8Array | string, steps = 10_000): PickleValue =>
  readPickle(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, 'x.pickle', steps);

const fixture = (protocol: number): Buffer =>
  readFileSync(new URL(`../fixtures/formats/protocol${protocol}.pickle`, import.meta.url));

/** Strings as text, arrays as shape, type, order and bytes. */
function plain(value: PickleValue): unknown {
  if (isString(value)) return pickleText(value);
  if (isArray(value)) {
    return [value.shape, value.type.code, value.type.order, value.fortran ? 'F' : 'C', [...value.bytes]];
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

const data = Array.from({ length: 12 }, (_, i) => (i * 23) % 256);

describe('what CPython and numpy write (test/fixtures/formats/make.py)', () => {
  test.each([2, 3, 4, 5])('protocol %i', (protocol) => {
    expect(plain(read(fixture(protocol)))).toEqual({
      labels: [7, 300, -2, 70_000],
      data: [[3, 4], 'u1', '|', 'C', data],
      columns: [
        [3, 4],
        'u1',
        '|',
        'F',
        [0, 1, 2, 3].flatMap((column) => [0, 1, 2].map((row) => data[row * 4 + column])),
      ],
      wide: [[2, 2], 'i4', '>', 'C', [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]],
      filenames: ['one.png', 'zwölf.png'],
      rest: [null, true, false, [], [1], [1, 2], [], {}],
    });
  });

  test.each([2, 5])('protocol %i with the module names of numpy 2', (protocol) => {
    const text = fixture(protocol).toString('latin1');
    // A longer name: the lengths and frames of the later protocols have to follow.
    const renamed =
      protocol === 2
        ? text.replaceAll('numpy.core.', 'numpy._core.')
        : text
            .replaceAll('\x8c\x12numpy.core.numeric', '\x8c\x13numpy._core.numeric')
            .replace(/^(\x80\x05\x95)(..)/s, (_, start: string) => {
              const length = Buffer.alloc(2);
              length.writeUInt16LE(text.length + 1 - 11);
              return start + length.toString('latin1');
            });
    expect(renamed).toContain('numpy._core.');
    expect(plain(read(renamed))).toEqual(plain(read(fixture(protocol))));
  });
});

test('what Python 2 wrote: any dictionary of lists, numbers, strings and arrays', () => {
  const bytes = fc
    .tuple(fc.nat({ max: 9 }), fc.nat({ max: 40 }))
    .chain(([rows, columns]) =>
      fc
        .uint8Array({ minLength: rows * columns, maxLength: rows * columns })
        .map((content) => ({ rows, columns, content })),
    );
  const string = fc
    .array(fc.integer({ min: 1, max: 255 }), { maxLength: 300 })
    .map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      fc.array(string),
      bytes,
      (labels, names, array) => {
        const { rows, columns, content } = array;
        expect(plain(read(pickleOf({ labels, names, array })))).toEqual({
          labels,
          names,
          array: [[rows, columns], 'u1', '|', 'C', [...content]],
        });
      },
    ),
  );
});

test('integers of any length up to six bytes', () => {
  expect(plain(read('\x80\x02\x8a\x00.'))).toBe(0);
  expect(plain(read('\x80\x02\x8a\x02\x10\x27.'))).toBe(10_000);
  expect(plain(read('\x80\x02\x8a\x01\xff.'))).toBe(-1);
  expect(plain(read('\x80\x02\x8a\x06\xff\xff\xff\xff\xff\x7f.'))).toBe(2 ** 47 - 1);
});

describe('refused by name, on one line', () => {
  const array = (state: string): string =>
    `\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(${state}tb.`;
  const u1 = 'cnumpy\ndtype\nU\x02u1K\0K\x01\x87R';
  test.each([
    [
      'code',
      '\x80\x02cos\nsystem\nU\x04true\x85R.',
      'byte 2: asks for os.system, which no array is made with',
    ],
    ['code by another name', '\x80\x04\x8c\x08builtins\x8c\x04eval\x93.', 'byte 18: asks for builtins.eval'],
    ['a name on two lines', '\x80\x04\x8c\x03a\nb\x8c\x01c\x93.', 'asks for a\\nb.c, which'],
    ['what numpy has besides', '\x80\x02cnumpy\nload\n.', 'asks for numpy.load'],
    ['an object', '\x80\x02(ios\nsystem\n.', 'the opcode INST has no place in a file of arrays'],
    ['a new object', '\x80\x02cnumpy\nndarray\n)\x81.', 'the opcode NEWOBJ has no place'],
    ['something elsewhere', '\x80\x02U\x01aQ.', 'the opcode BINPERSID has no place'],
    ['an extension', '\x80\x02\x82\x01.', 'the opcode EXT1 has no place'],
    ['a buffer from outside', '\x80\x05\x97.', 'the opcode NEXT_BUFFER has no place'],
    ['an unknown opcode', '\x80\x02\xff.', 'byte 2: the opcode 0xff has no place'],
    ['an array made otherwise', '\x80\x02cnumpy\nndarray\n)R.', 'makes an array otherwise than numpy does'],
    ['a call of data', '\x80\x02])R.', 'calls what is no function'],
    ['state for data', '\x80\x02])b.', 'builds what is neither an array nor its type'],
    ['objects in an array', '\x80\x02cnumpy\ndtype\nU\x02O8K\0K\x01\x87R.', 'a type that is no number: "O8"'],
    ['a record', `\x80\x02${u1}(K\x03U\x01|]NNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb.`, 'a type of several'],
    ['too few bytes', array(`K\x01K\x02K\x03\x86${u1}\x89U\x05abcde`), '2×3 u1 has 6 bytes, found 5'],
    ['a huge shape', array(`K\x01J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86${u1}\x89U\x01a`), 'found 1'],
    ['a negative shape', array(`K\x01J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86${u1}\x89U\x01a`), 'no shape'],
    ['text as content', array(`K\x01K\x01\x85${u1}\x89X\x01\0\0\0a`), 'whose content is no bytes'],
    [
      'another encoding',
      '\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x04\0\0\0zlib\x86R.',
      'otherwise than to latin1',
    ],
    [
      'text beyond latin1',
      '\x80\x02c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R.',
      'latin1',
    ],
    ['a key that is a number', '\x80\x02}K\x01K\x02s.', 'a key that is no short string'],
    ['a key without a value', '\x80\x02}(U\x01au.', 'a key without a value'],
    ['no list to append to', '\x80\x02}K\x01a.', 'appends to what is no list'],
    ['an empty stack', '\x80\x02.', 'byte 2: takes a value where there is none'],
    ['no mark', '\x80\x02]e.', 'goes back to a mark where there is none'],
    ['a value below the mark', '\x80\x02]K\x01(a.', 'takes a value where there is none'],
    ['an empty place of the memo', '\x80\x02h\x05.', 'nothing has been put at 5'],
    ['values left over', '\x80\x02K\x01K\x02.', 'the pickle ends with values left over'],
    ['bytes left over', '\x80\x02K\x01.x', 'the pickle ends before the file does'],
    ['a cut file', '\x80\x02(U\x05ab', 'byte 3: expected 5 more bytes, found 2'],
    ['a huge claim', '\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffa', 'more bytes, found 1'],
    ['a frame beyond the end', '\x80\x04\x95\xff\0\0\0\0\0\0\0N.', 'expected 255 more bytes, found 2'],
    ['a long integer', '\x80\x02\x8a\x07\0\0\0\0\0\0\0.', 'an integer of 7 bytes'],
    ['protocol 0', '(lp0\nI1\na.', 'byte 0: no pickle of protocol 2 or later begins so'],
    ['protocol 6', '\x80\x06N.', 'expected pickle protocol 2 to 5, found 6'],
    ['nothing at all', '', 'byte 0: expected 1 more bytes, found 0'],
  ])('%s', async (_, text, message) => {
    const found = await userMessage(() => read(text));
    expect(found).toMatch(/^x\.pickle: byte \d+: .*get the file anew$/);
    expect(found).toContain(message);
  });

  test('more opcodes than there can be', async () => {
    const endless = `\x80\x02${'N'.repeat(1000)}.`;
    expect(await userMessage(() => read(endless, 999))).toBe(
      'x.pickle: more than the 999 opcodes that such a file can need, get it anew',
    );
  });

  test('text rewritten over and over', async () => {
    // The same long text, taken from the memo each time: six bytes a copy.
    const text = `X\xe8\x03\0\0${'a'.repeat(1000)}q\0`;
    const copy = 'c_codecs\nencode\nq\x01X\x06\0\0\0latin1q\x02';
    const bomb = `\x80\x02(${text}${copy}${'h\x01h\0h\x02\x86R'.repeat(1000)}t.`;
    expect(await userMessage(() => read(bomb))).toContain('rewrites more text than the file holds');
  });

  test('lists in one another, deeper than any stack of calls', () => {
    const depth = 200_000;
    let value = read(`\x80\x02${']'.repeat(depth)}${'a'.repeat(depth - 1)}.`, 1e6);
    let levels = 0;
    for (; Array.isArray(value) && value.length > 0; levels++) value = value[0]!;
    expect(levels).toBe(depth - 1);
  });
});

test('names such as __proto__ are names', () => {
  const found = read(pickleOf({ ['__proto__']: 1, constructor: 2 })) as Map<string, PickleValue>;
  expect([...found]).toEqual([
    ['__proto__', 1],
    ['constructor', 2],
  ]);
  expect(({} as Record<string, unknown>)['1']).toBeUndefined();
});

describe('mutated files', () => {
  test.each([2, 3, 4, 5])(
    'of protocol %i: values or a user error, no array larger than the file',
    async (protocol) => {
      const base = fixture(protocol);
      const { refused, largest } = await fuzz(mutated(base), 'x.pickle', (content) => read(content));
      expect(refused).toBeGreaterThan(fuzzRuns(1000));
      expect(largest).toBeLessThanOrEqual(base.length + 4 * 64);
    },
  );
});

test('the watch sees allocations', () => {
  const watch = watchAllocations();
  new Float64Array(1000);
  Buffer.alloc(10);
  expect(watch.stop()).toBe(8000);
});

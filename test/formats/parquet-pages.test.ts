import { describe, expect, it } from 'vitest';
import { checkPages } from '../../src/formats/parquet-pages.js';
import { thrift, type Written } from './thrift-writer.js';

/** A page of 4 bytes, with the header of its kind. */
const page = (kind: 5 | 7 | 8, header: Written, [size, stored] = [4, 4]): number[] => [
  ...thrift([
    [1, [0, 2, 3][[5, 7, 8].indexOf(kind)]!],
    [2, size!],
    [3, stored!],
    [kind, { struct: header }],
  ]),
  ...[1, 2, 3, 4],
];

const check = (pages: number[][], optional = 0) =>
  checkPages(Uint8Array.from(pages.flat()), { rows: 10, optional, decompress: (bytes) => bytes });

describe('pages', () => {
  it('are taken where they hold as much as there is', () => {
    check([
      page(7, [[1, 4]]),
      page(5, [[1, 7]]),
      page(8, [
        [1, 3],
        [2, 3],
      ]),
      [0],
    ]);
    check([]);
  });

  it.each([
    [
      'more values than rows',
      page(5, [[1, 54_525_951]]),
      /a page has 54525951 values, 0 of them null, after 2 of 10/,
    ],
    ['more than are left', page(8, [[1, 9]]), /a page has 9 values, 0 of them null, after 2 of 10/],
    ['fewer than none', page(5, [[1, -1]]), /a page has -1 values/],
    [
      'more nulls than values',
      page(8, [
        [1, 3],
        [2, 4],
      ]),
      /a page has 3 values, 4 of them null/,
    ],
    [
      'fewer nulls than none',
      page(8, [
        [1, 3],
        [2, -9],
      ]),
      /a page has 3 values, -9 of them null/,
    ],
    ['a dictionary of more than its bytes', page(7, [[1, 5]]), /5 values are said to be in 4 bytes/],
    [
      'more bytes than there are',
      page(5, [[1, 1]], [4, 5]),
      /a page is longer than what there is of its column/,
    ],
    [
      'fewer bytes than none',
      page(5, [[1, 1]], [4, -5]),
      /a page is longer than what there is of its column/,
    ],
    ['no header', [0x1b, 0, 0], /kind 11/],
  ])('are refused with %s', (_, bytes, message) => {
    expect(() => check([page(5, [[1, 2]]), bytes])).toThrow(message);
  });
});

/** Values in runs: `[header, ...bytes]`. */
const levels = (...runs: number[]): number[] => [runs.length, 0, 0, 0, ...runs];
const dictionary = 8;
const endless = [0xfe, 0xff, 0xff, 0xff, 0x7f];

/** A page whose rows may be null, of the first version or the second. */
const first = (content: number[], encoding = 0): number[] => [
  ...thrift([
    [2, content.length],
    [3, content.length],
    [
      5,
      {
        struct: [
          [1, 4],
          [2, encoding],
        ],
      },
    ],
  ]),
  ...content,
];
const second = (own: number[], content: number[], encoding = 0): number[] => [
  ...thrift([
    [2, own.length + content.length],
    [3, own.length + content.length],
    [
      8,
      {
        struct: [
          [1, 4],
          [2, 0],
          [4, encoding],
          [5, own.length],
          [6, 0],
          [7, false],
        ],
      },
    ],
  ]),
  ...own,
  ...content,
];

describe('runs', () => {
  it.each([
    ['of levels: one value four times', first([...levels(8, 1), 65])],
    ['of levels: eight bits, of which four count', first([...levels(3, 0b1111), 65])],
    ['of the second version', second([8, 1], [65])],
    ['of numbers of a dictionary, two bits each', first([...levels(8, 1), 2, 3, 0b11100100, 0], dictionary)],
    ['of the second version’s numbers', second([8, 1], [2, 8, 3], dictionary)],
  ])('%s: are taken', (_, page) => {
    check([page], 1);
  });

  it.each([
    ['more levels than values', first([...levels(...endless, 1), 65])],
    ['more levels of the second version', second([...endless, 1], [65])],
    ['more numbers of a dictionary', first([...levels(8, 1), 2, ...endless, 0], dictionary)],
    ['more numbers of no bits', second([8, 1], [0, 0xff, 0xff, 0xff, 0xff, 0x0f], dictionary)],
    ['one more than there are', first([...levels(10, 1), 65])],
  ])('of %s are refused', (_, page) => {
    expect(() => check([page], 1)).toThrow(/^a run of \d+ values is said to follow 0 of 4$/);
  });

  it('of numbers that no word holds are refused', () => {
    expect(() => check([first([...levels(8, 1), 40, 8, 0], dictionary)], 1)).toThrow(
      'numbers are said to have 40 bits',
    );
  });
});

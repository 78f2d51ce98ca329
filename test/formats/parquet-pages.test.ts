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

const check = (pages: number[][], rows = 10) => checkPages(Uint8Array.from(pages.flat()), rows);

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

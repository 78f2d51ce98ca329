import { readThrift } from './thrift.js';

/**
 * Checks how many values the pages of a column's chunk say that they hold, before a parser makes room for them.
 *
 * @param bytes the chunk, of a column without lists: a row has one value
 * @param rows of its group
 * @throws Error if there are more, or a page is longer than the chunk
 */
export function checkPages(bytes: Uint8Array, rows: number): void {
  let [at, values] = [0, 0];
  // As far as the parser reads.
  while (at < bytes.length - 1) {
    const { struct, length } = readThrift(bytes.subarray(at));
    const [size = 0, stored = 0] = [struct.numbers.get(2), struct.numbers.get(3)];
    const [data, dictionary, data2] = [5, 7, 8].map((id) => struct.structs.get(id)?.numbers);
    const found = (data ?? data2)?.get(1) ?? 0;
    const nulls = data2?.get(2) ?? 0;
    if (found < 0 || found > rows - values || nulls < 0 || nulls > found) {
      throw new Error(`a page has ${found} values, ${nulls} of them null, after ${values} of ${rows}`);
    }
    // A value takes a byte at least. There may be some that no row has.
    const distinct = dictionary?.get(1) ?? 0;
    if (distinct < 0 || distinct > size)
      throw new Error(`${distinct} values are said to be in ${size} bytes`);
    values += found;
    at += length + stored;
    if (stored < 0 || at > bytes.length) throw new Error('a page is longer than what there is of its column');
  }
}

import { readThrift } from './thrift.js';

/** How a column's chunk is written. */
export interface ChunkForm {
  /** Of the group. There are no lists: a row has one value. */
  readonly rows: number;
  /** Of its fields, from the outermost on, how many may be null. */
  readonly optional: number;
  /** @param size of the result, in bytes */
  readonly decompress: (bytes: Uint8Array, size: number) => Uint8Array;
}

/** Fields of Parquet's `PageHeader`, and of what it has for a page of data, a dictionary and data of the second version. */
const fields = { size: 2, stored: 3, data: 5, dictionary: 7, data2: 8 };
const ofData = { values: 1, encoding: 2 };
const ofData2 = { nulls: 2, encoding: 4, levels: 5, repetitions: 6, compressed: 7 };
const encodings = { plainDictionary: 2, rle: 3, dictionary: 8 };

/**
 * Checks how many values the pages of a column's chunk say that they hold, and every run of them, before a parser makes
 * room for as many.
 *
 * @throws Error if there are more than rows, or a page is longer than the chunk
 */
export function checkPages(bytes: Uint8Array, form: ChunkForm): void {
  let [at, values] = [0, 0];
  // As far as the parser reads.
  while (at < bytes.length - 1) {
    const { struct, length } = readThrift(bytes.subarray(at));
    const [size = 0, stored = 0] = [struct.numbers.get(fields.size), struct.numbers.get(fields.stored)];
    const [data, dictionary, data2] = [fields.data, fields.dictionary, fields.data2].map((id) =>
      struct.structs.get(id),
    );
    const found = (data ?? data2)?.numbers.get(ofData.values) ?? 0;
    const nulls = data2?.numbers.get(ofData2.nulls) ?? 0;
    if (found < 0 || found > form.rows - values || nulls < 0 || nulls > found) {
      throw new Error(`a page has ${found} values, ${nulls} of them null, after ${values} of ${form.rows}`);
    }
    // A value takes a byte at least. There may be some that no row has.
    const distinct = dictionary?.numbers.get(ofData.values) ?? 0;
    if (distinct < 0 || distinct > size)
      throw new Error(`${distinct} values are said to be in ${size} bytes`);
    values += found;
    const page = bytes.subarray(at + length, at + length + stored);
    at += length + stored;
    if (stored < 0 || at > bytes.length) throw new Error('a page is longer than what there is of its column');
    if (data !== undefined) checkPage(page, size, found, data.numbers.get(ofData.encoding), form);
    if (data2 !== undefined) {
      const [encoding, levels = 0, repetitions = 0] = [
        ofData2.encoding,
        ofData2.levels,
        ofData2.repetitions,
      ].map((id) => data2.numbers.get(id));
      if (levels < 0 || repetitions < 0) throw new Error('a page has fewer bytes than none');
      if (form.optional > 0) checkLevels(page, repetitions, found, form);
      const rest = { ...form, optional: 0 };
      const own = size - levels - repetitions;
      const compressed = data2.flags.get(ofData2.compressed) !== false && own !== 0;
      const decompress = compressed ? form.decompress : (as: Uint8Array) => as;
      checkPage(page.subarray(levels + repetitions), own, found, encoding, { ...rest, decompress });
    }
  }
}

/** Of a page: which values are null, unless that stands before it, and its values where they are numbers of a dictionary. */
function checkPage(
  page: Uint8Array,
  size: number,
  values: number,
  encoding: number | undefined,
  form: ChunkForm,
): void {
  const inRuns = encoding === encodings.rle;
  const looksUp = encoding === encodings.dictionary || encoding === encodings.plainDictionary;
  if (form.optional === 0 && !inRuns && !looksUp) return;
  const own = form.decompress(page, size);
  let at = 0;
  if (form.optional > 0) {
    at = 4 + new DataView(own.buffer, own.byteOffset, own.length).getUint32(0, true);
    checkLevels(own, 4, values, form);
  }
  if (inRuns) checkRuns(own, at + 4, values, 1);
  if (looksUp) checkRuns(own, at + 1, values, own[at] ?? 0);
}

const checkLevels = (page: Uint8Array, at: number, values: number, { optional }: ChunkForm): void =>
  checkRuns(page, at, values, 32 - Math.clz32(optional));

/** Parquet's runs are of eight values times a number; what a last one has too many are no values. */
const padding = 512;

/**
 * Goes through runs, each of one value or of as many as it says, to where there are as many as there are values or to the
 * end, as the parser does.
 *
 * @param width of a value, in bits
 */
function checkRuns(bytes: Uint8Array, start: number, values: number, width: number): void {
  if (width > 32) throw new Error(`numbers are said to have ${width} bits`);
  for (let [at, seen] = [start, 0]; seen < values && at < bytes.length;) {
    let header = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++] ?? 0;
      header += (byte & 0x7f) * unit;
      if (byte < 0x80 || unit > 2 ** 32) break;
    }
    const packed = header % 2 === 1;
    const count = packed ? 8 * Math.floor(header / 2) : header / 2;
    if (count > values - seen + (packed ? padding : 0)) {
      throw new Error(`a run of ${count} values is said to follow ${seen} of ${values}`);
    }
    seen += count;
    at += packed ? (count / 8) * width : Math.ceil(width / 8);
  }
}

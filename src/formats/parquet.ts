import { stat } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { messageOf, UserError } from '../core/errors.js';
import { shown } from '../core/shown.js';
import { checkPages, type ChunkForm } from './parquet-pages.js';
import { readThrift } from './thrift.js';

/** What a column holds; `image` is a struct of `bytes` and perhaps a `path`, as Hugging Face writes images. */
export type ParquetColumnKind = 'integer' | 'float' | 'text' | 'bytes' | 'image' | 'other';

/** A Parquet file of which nothing but the footer was read. */
export interface ParquetFile {
  readonly path: string;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ParquetColumnKind>;
  /** Of the footer. */
  readonly keyValues: ReadonlyMap<string, string>;
  /** Bytes that a column takes, as the footer says. */
  bytesOf(column: string): number;
  /**
   * Reads columns, a group of rows at a time.
   *
   * @param take told of each group's rows, in order; the first row of all is 0
   * @throws UserError if the file holds anything else than its footer says
   */
  read(
    columns: readonly string[],
    take: (rows: readonly Readonly<Record<string, unknown>>[], first: number) => void,
  ): Promise<void>;
}

/** What stands at the beginning of a file that Git LFS has not fetched. */
const pointer = Buffer.from('version https://git-lfs');

/** More rows than this are no data set of images. */
const mostRows = 16_000_000;

type Decompress = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** No more than a page says that it holds; of one that holds nothing, as all are of a column of nulls, zlib would not hear. */
const within =
  (decompress: Decompress): NonNullable<Compressors['GZIP']> =>
  (input, maxOutputLength) =>
    maxOutputLength === 0 ? new Uint8Array(0) : decompress(input, { maxOutputLength });

/** Snappy makes at most 64 bytes of 3. */
const snappyRatio = 22;

const ofNode: Compressors = {
  GZIP: within(zlib.gunzipSync),
  BROTLI: within(zlib.brotliDecompressSync),
  // Of Node 22.15 and later.
  ...('zstdDecompressSync' in zlib && { ZSTD: within(zlib.zstdDecompressSync as Decompress) }),
};

const readable = ['UNCOMPRESSED', 'SNAPPY', ...Object.keys(ofNode)];

/**
 * Opens a Parquet file.
 *
 * @throws UserError if it can't be read, is none, or is compressed in a way that this Node cannot undo
 */
export async function openParquet(path: string): Promise<ParquetFile> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema, snappyUncompress } =
    await import('hyparquet');
  const file = await reading(path, async () => {
    const stats = await stat(path);
    if (!stats.isFile()) throw new Error('it is no file');
    if (stats.size === 0) {
      throw new UserError(`${shown(path)}: is empty: its download did not come to its end, get it anew`);
    }
    const buffer = await asyncBufferFromFile(path);
    const beginning = await buffer.slice(0, Math.min(stats.size, pointer.length));
    if (Buffer.from(beginning).equals(pointer)) {
      throw new UserError(
        `${shown(path)}: is a pointer of Git LFS in place of the file: get the file with "git lfs pull" in its repository, or download it`,
      );
    }
    await checkFooter(buffer);
    return buffer;
  });
  const compressors: Compressors = {
    ...ofNode,
    SNAPPY: within((input, { maxOutputLength: length }) => {
      if (length > snappyRatio * input.length) throw new Error(`${input.length} bytes cannot hold ${length}`);
      const output = new Uint8Array(length);
      snappyUncompress(input, output);
      return output;
    }),
  };
  const metadata = await reading(path, () => parquetMetadataAsync(file, { geoparquet: false }));
  // A damaged footer may be anything: what it is taken for is read as carefully as its bytes.
  const tree = await reading(path, () => parquetSchema(metadata));
  const described = await reading(path, () => describe(path, metadata, tree));
  return {
    ...described,
    bytesOf: (column) =>
      chunksOf(metadata.row_groups, [column]).reduce(
        (sum, chunk) => sum + Number(chunk.total_uncompressed_size),
        0,
      ),
    async read(columns, take) {
      refuseOtherCodecs(path, metadata, columns);
      let first = 0;
      for (const group of metadata.row_groups) {
        const count = Number(group.num_rows);
        const checked = checking(
          file,
          chunksOf([group], columns).map((chunk) => ({
            ...rangeOf(chunk),
            rows: count,
            optional: optionalOf(tree, chunk.path_in_schema),
            decompress: (bytes, size) => compressors[chunk.codec]?.(bytes, size) ?? bytes,
          })),
        );
        const found = await reading(path, () =>
          parquetReadObjects({
            ...{
              file: checked,
              metadata,
              columns: [...columns],
              compressors,
              utf8: false,
              geoparquet: false,
            },
            ...{ rowStart: first, rowEnd: first + count },
          }),
        );
        if (found.length !== count) {
          throw new UserError(
            `${shown(path)}: damaged: ${found.length} rows from row ${first} on instead of ${count}`,
          );
        }
        take(found, first);
        first += count;
      }
    },
  };
}

function describe(
  path: string,
  metadata: FileMetaData,
  tree: SchemaTree,
): Pick<ParquetFile, 'path' | 'rows' | 'columns' | 'keyValues'> {
  const rows = countRows(path, metadata);
  refuseOtherChunks(path, metadata, tree);
  return {
    path,
    rows,
    columns: new Map(tree.children.map((column) => [column.element.name, kindOf(column)])),
    keyValues: new Map((metadata.key_value_metadata ?? []).map(({ key, value = '' }) => [key, value])),
  };
}

function countRows(path: string, { num_rows: said, row_groups: groups }: FileMetaData): number {
  const rows = Number(said);
  const found = groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (rows !== found || groups.some((group) => group.num_rows < 0)) {
    throw new UserError(`${shown(path)}: damaged: ${rows} rows in all and ${found} in its groups`);
  }
  if (rows > mostRows) throw new UserError(`${shown(path)}: more than ${mostRows} rows`);
  return rows;
}

/**
 * Refuses groups that have other columns than the schema: the parser would notice after it has begun to read some, and
 * what these come to would be nobody's to catch.
 */
function refuseOtherChunks(path: string, { row_groups: groups }: FileMetaData, tree: SchemaTree): void {
  const leaves = ({ children, path: own }: SchemaTree): string[] =>
    children.length === 0 ? [JSON.stringify(own)] : children.flatMap(leaves);
  const expected = leaves(tree);
  const fits = (group: FileMetaData['row_groups'][number]): boolean =>
    group.columns.length === expected.length &&
    group.columns.every(({ meta_data: data }, i) => JSON.stringify(data?.path_in_schema) === expected[i]);
  const names = tree.children.map(({ element }) => element.name);
  if (groups.every(fits) && new Set(names).size === names.length) return;
  throw new UserError(
    `${shown(path)}: damaged: its groups of rows have other columns than its schema, or two have one name`,
  );
}

function kindOf({ children, element }: SchemaTree): ParquetColumnKind {
  if (element.repetition_type === 'REPEATED') return 'other';
  if (children.length > 0) {
    const bytes = children.find((child) => child.element.name === 'bytes');
    // Of each row one value: there are no lists.
    const plain = children.every(
      (child) => child.children.length === 0 && child.element.repetition_type !== 'REPEATED',
    );
    return element.converted_type === undefined && bytes !== undefined && kindOf(bytes) === 'bytes' && plain
      ? 'image'
      : 'other';
  }
  const { type, converted_type: converted, logical_type: logical } = element;
  if (type === 'BYTE_ARRAY') {
    if (converted === 'UTF8' || logical?.type === 'STRING') return 'text';
    return converted === undefined && logical === undefined ? 'bytes' : 'other';
  }
  if (type === 'FLOAT' || type === 'DOUBLE') return 'float';
  const whole = converted === undefined ? logical === undefined : /^U?INT_/.test(converted);
  return (type === 'INT32' || type === 'INT64') && whole ? 'integer' : 'other';
}

function chunksOf(groups: FileMetaData['row_groups'], columns: readonly string[]) {
  return groups.flatMap((group) =>
    group.columns.flatMap(({ meta_data: data }) =>
      data && columns.includes(data.path_in_schema[0] ?? '') ? [data] : [],
    ),
  );
}

/** What the footer says that follows in it must fit into it, as the parser makes room for it. */
async function checkFooter(file: AsyncBuffer): Promise<void> {
  const end = file.byteLength - 8;
  const last = Buffer.from(await file.slice(Math.max(0, end)));
  // The parser says what else is wrong.
  if (end < 0 || last.toString('latin1', 4) !== 'PAR1' || last.readUInt32LE() > end) return;
  readThrift(new Uint8Array(await file.slice(end - last.readUInt32LE(), end)));
}

/** Where the bytes of a column's chunk are in the file. */
function rangeOf(chunk: ReturnType<typeof chunksOf>[number]): { readonly from: number; readonly to: number } {
  const from = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  return { from, to: from + Number(chunk.total_compressed_size) };
}

/** Of the fields that lead to a column, how many may be null. */
function optionalOf(tree: SchemaTree, path: readonly string[]): number {
  let [at, optional]: [SchemaTree | undefined, number] = [tree, 0];
  for (const name of path) {
    at = at?.children.find(({ element }) => element.name === name);
    if (at?.element.repetition_type !== 'REQUIRED') optional++;
  }
  return optional;
}

/** The file, of which chunks of columns are checked as they are read. */
function checking(
  file: AsyncBuffer,
  chunks: readonly (ReturnType<typeof rangeOf> & ChunkForm)[],
): AsyncBuffer {
  const slice = async (start: number, end = file.byteLength): Promise<ArrayBuffer> => {
    const bytes = await file.slice(start, end);
    for (const { from, to, ...form } of chunks) {
      if (start <= from && to <= end) checkPages(new Uint8Array(bytes, from - start, to - from), form);
    }
    return bytes;
  };
  return {
    byteLength: file.byteLength,
    slice(start, end) {
      // The parser asks for all columns' bytes and leaves the others to nobody where one of them is refused.
      const bytes = slice(start, end);
      bytes.catch(() => {});
      return bytes;
    },
  };
}

function refuseOtherCodecs(path: string, metadata: FileMetaData, columns: readonly string[]): void {
  const other = chunksOf(metadata.row_groups, columns).find(({ codec }) => !readable.includes(codec));
  if (other === undefined) return;
  const later = other.codec === 'ZSTD' ? ' (Node 22.15 and later can)' : '';
  throw new UserError(
    `${shown(path)}: is compressed with ${other.codec}, which cannot be read here${later}: write it with one of ${readable.join(', ')}`,
  );
}

/** What a file's bytes make the parser throw is told in a line. */
async function reading<T>(path: string, f: () => T | Promise<T>): Promise<T> {
  try {
    return await f();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${shown(path)}: cannot be read as Parquet: ${shown(messageOf(error).split('\n', 1)[0]!)}`,
    );
  }
}

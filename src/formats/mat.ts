import { constants, inflateSync } from 'node:zlib';
import { messageOf, UserError } from '../core/errors.js';
import type { MatHead, MatNumbers } from './mat-elements.js';
import {
  MAT_HEADER_BYTES,
  MAT_TAG_BYTES,
  MatCursor,
  matNumbers,
  MAX_INFLATION,
  MI,
  readMatHeader,
} from './mat-elements.js';

/** A variable of a .mat file, or a part of one. Arrays are column-major: the first index runs fastest. */
export type MatArray = MatNumeric | MatChar | MatCell | MatStruct;

export interface MatNumeric {
  readonly kind: 'numeric';
  /** MATLAB's class; the values are of the type that they are stored as, which may be a smaller one. */
  readonly className: string;
  readonly logical: boolean;
  readonly shape: readonly number[];
  readonly values: MatNumbers;
  readonly imaginary?: MatNumbers;
}

export interface MatChar {
  readonly kind: 'char';
  readonly shape: readonly number[];
  /** One string a row. */
  readonly rows: readonly string[];
}

export interface MatCell {
  readonly kind: 'cell';
  readonly shape: readonly number[];
  readonly cells: readonly MatArray[];
}

export interface MatStruct {
  readonly kind: 'struct';
  readonly shape: readonly number[];
  readonly fields: readonly string[];
  /** For each element of the array its fields' values, in the order of `fields`. */
  readonly elements: readonly (readonly MatArray[])[];
}

/** Cells and structs in one another; those of real files need three or four. */
const MAX_DEPTH = 32;

/** What MATLAB writes for `[]` in a cell or field that nothing was put in. */
const NOTHING: MatNumeric = {
  kind: 'numeric',
  className: 'double',
  logical: false,
  shape: [0, 0],
  values: new Float64Array(0),
};

/**
 * The variables of a MATLAB 5 file (`save -v6` and `-v7`) by name: numbers of every class, char, cell and struct
 * arrays, little- or big-endian, compressed or not.
 *
 * Code of our own: the one reader on npm (mat-for-js) makes a JavaScript number of each byte in nested arrays and
 * unpacks without a limit. The format is that of "MAT-File Format" (The MathWorks).
 * @param path for messages
 * @param maxBytes how much the compressed variables may unpack to, together
 * @throws UserError if the file is cut, damaged or claims more than it holds, or for a sparse array, an object or a
 * function
 */
export function readMat(
  bytes: Uint8Array,
  path: string,
  maxBytes = 16 * 2 ** 20,
): ReadonlyMap<string, MatArray> {
  const littleEndian = readMatHeader(bytes, path);
  const variables = new Map<string, MatArray>();
  let unpackable = maxBytes;
  const file = new MatCursor(bytes.subarray(MAT_HEADER_BYTES), littleEndian, path);
  for (let n = 1; file.left > 0; n++) {
    let element = file.element();
    const where = `${path}: variable ${n}`;
    if (element.type === MI.compressed) {
      const unpacked = inflateElement(element.data, littleEndian, where, unpackable);
      unpackable -= unpacked.length;
      element = new MatCursor(unpacked, littleEndian, where).element();
    }
    if (element.type !== MI.matrix) {
      throw new UserError(`${where}: expected an array, found an element of type ${element.type}`);
    }
    const { name, array } = readArray(new MatCursor(element.data, littleEndian, where), 0);
    variables.set(name, array);
  }
  return variables;
}

/** Unpacks a compressed element, which holds exactly one other, to the size that the other's tag says. */
function inflateElement(data: Uint8Array, littleEndian: boolean, where: string, limit: number): Uint8Array {
  try {
    // A deflate block's own header may come first, so the tag takes more than eight bytes.
    const beginning = inflateSync(data.subarray(0, 1024), { finishFlush: constants.Z_SYNC_FLUSH });
    const { bytes, small } = new MatCursor(beginning, littleEndian, where).tag();
    const size = MAT_TAG_BYTES + (small ? 0 : bytes);
    if (size > MAX_INFLATION * data.length) {
      throw new UserError(`${where}: claims ${size} bytes, more than ${data.length} can unpack to`);
    }
    if (size > limit) throw new UserError(`${where}: unpacks to ${size} bytes, expected ${limit} at most`);
    const unpacked = inflateSync(data, { maxOutputLength: size });
    if (unpacked.length < size) {
      throw new UserError(`${where}: claims ${size} bytes, unpacks to ${unpacked.length}`);
    }
    return unpacked;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${where}: does not unpack (${messageOf(error)}), get the file anew`);
  }
}

function readArray(cursor: MatCursor, depth: number): { name: string; array: MatArray } {
  const head = cursor.head();
  if (depth > MAX_DEPTH) cursor.fail(`more than ${MAX_DEPTH} arrays in one another`);
  return { name: head.name, array: readContent(head, cursor, depth) };
}

function readContent(head: MatHead, cursor: MatCursor, depth: number): MatArray {
  const { kind, className, logical, shape } = head;
  switch (kind) {
    case 'numeric': {
      const values = readNumbers(head, cursor);
      const imaginary = head.complex ? { imaginary: readNumbers(head, cursor) } : {};
      return { kind, className, logical, shape, values, ...imaginary };
    }
    case 'char':
      return { kind, shape, rows: readRows(head, cursor) };
    case 'cell':
      checkCount(head, 1, cursor);
      return { kind, shape, cells: readParts(head.count, cursor, depth) };
    case 'struct':
      return readStruct(head, cursor, depth);
  }
}

function readNumbers({ count, shape }: MatHead, cursor: MatCursor): MatNumbers {
  const { type, data } = cursor.element();
  const values = matNumbers(type, data, cursor.littleEndian);
  if (values?.length !== count) {
    cursor.fail(
      `expected ${shape.join('×')} numbers, found an element of type ${type} with ${data.length} bytes`,
    );
  }
  return values;
}

function readRows({ count, shape }: MatHead, cursor: MatCursor): string[] {
  // MATLAB leaves the element of an empty array out in some versions.
  if (count === 0 && cursor.left === 0) return [];
  const { type, data } = cursor.element();
  const text = type === MI.utf8 ? Buffer.from(data).toString('utf8') : unitsToText(type, data, cursor);
  if (text === undefined) cursor.fail(`expected characters, found an element of type ${type}`);
  if (text.length !== count) {
    cursor.fail(`expected ${shape.join('×')} characters, found ${text.length}`);
  }
  if (count === 0) return [];
  const height = shape[0]!;
  if (height === 1) return [text];
  return Array.from({ length: height }, (_, row) => {
    let line = '';
    for (let at = row; at < count; at += height) line += text[at];
    return line;
  });
}

function unitsToText(type: number, data: Uint8Array, { littleEndian }: MatCursor): string | undefined {
  if (type === MI.int8 || type === MI.uint8) return Buffer.from(data).toString('latin1');
  if ((type !== MI.uint16 && type !== MI.utf16) || data.length % 2 !== 0) return undefined;
  const units = Buffer.from(data);
  return (littleEndian ? units : units.swap16()).toString('utf16le');
}

function readStruct(head: MatHead, cursor: MatCursor, depth: number): MatStruct {
  const lengths = cursor.element();
  const length = Number(matNumbers(lengths.type, lengths.data, cursor.littleEndian)?.[0] ?? 0);
  if (lengths.type !== MI.int32 || lengths.data.length !== 4 || length < 1) {
    cursor.fail('a struct without a length of its field names');
  }
  const names = cursor.element().data;
  if (names.length % length !== 0) {
    cursor.fail(`field names of ${length} bytes each, ${names.length} in all`);
  }
  const fields = Array.from({ length: names.length / length }, (_, field) => {
    const [name] = Buffer.from(names.subarray(field * length, (field + 1) * length))
      .toString('latin1')
      .split('\0', 1);
    return name!;
  });
  checkCount(head, fields.length, cursor);
  const elements = Array.from({ length: head.count }, () => readParts(fields.length, cursor, depth));
  return { kind: 'struct', shape: head.shape, fields, elements };
}

/** Each part is an element, of eight bytes at least. */
function checkCount({ count, shape }: MatHead, parts: number, cursor: MatCursor): void {
  if (count > 1 && count * Math.max(parts, 1) * MAT_TAG_BYTES > cursor.left) {
    cursor.fail(`${shape.join('×')} times ${parts} arrays cannot be in ${cursor.left} bytes`);
  }
}

function readParts(count: number, cursor: MatCursor, depth: number): MatArray[] {
  return Array.from({ length: count }, () => {
    const { type, data } = cursor.element();
    if (type !== MI.matrix) cursor.fail(`expected an array, found an element of type ${type}`);
    if (data.length === 0) return NOTHING;
    return readArray(new MatCursor(data, cursor.littleEndian, cursor.where), depth + 1).array;
  });
}

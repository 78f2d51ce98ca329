import { UserError } from '../core/errors.js';

/** Data types of MAT-file elements ("MAT-File Format", The MathWorks, table 1-1). */
export const MI = {
  int8: 1,
  uint8: 2,
  int16: 3,
  uint16: 4,
  int32: 5,
  uint32: 6,
  single: 7,
  double: 9,
  int64: 12,
  uint64: 13,
  matrix: 14,
  compressed: 15,
  utf8: 16,
  utf16: 17,
  utf32: 18,
} as const;

/** Array classes by their number (table 1-3); the others (objects, sparse arrays, functions) are not read. */
const CLASSES: ReadonlyMap<number, { readonly kind: MatHead['kind']; readonly name: string }> = new Map(
  (
    [
      [1, 'cell', 'cell'],
      [2, 'struct', 'struct'],
      [4, 'char', 'char'],
      [6, 'numeric', 'double'],
      [7, 'numeric', 'single'],
      [8, 'numeric', 'int8'],
      [9, 'numeric', 'uint8'],
      [10, 'numeric', 'int16'],
      [11, 'numeric', 'uint16'],
      [12, 'numeric', 'int32'],
      [13, 'numeric', 'uint32'],
      [14, 'numeric', 'int64'],
      [15, 'numeric', 'uint64'],
    ] as const
  ).map(([number, kind, name]) => [number, { kind, name }]),
);
const UNREAD: Readonly<Record<number, string>> = { 3: 'object', 5: 'sparse', 16: 'function', 17: 'opaque' };

export type MatNumbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

const NUMBERS: Readonly<Record<number, { readonly size: number; view(buffer: ArrayBuffer): MatNumbers }>> = {
  [MI.int8]: { size: 1, view: (buffer) => new Int8Array(buffer) },
  [MI.uint8]: { size: 1, view: (buffer) => new Uint8Array(buffer) },
  [MI.int16]: { size: 2, view: (buffer) => new Int16Array(buffer) },
  [MI.uint16]: { size: 2, view: (buffer) => new Uint16Array(buffer) },
  [MI.int32]: { size: 4, view: (buffer) => new Int32Array(buffer) },
  [MI.uint32]: { size: 4, view: (buffer) => new Uint32Array(buffer) },
  [MI.single]: { size: 4, view: (buffer) => new Float32Array(buffer) },
  [MI.double]: { size: 8, view: (buffer) => new Float64Array(buffer) },
  [MI.int64]: { size: 8, view: (buffer) => new BigInt64Array(buffer) },
  [MI.uint64]: { size: 8, view: (buffer) => new BigUint64Array(buffer) },
};

export const MAT_HEADER_BYTES = 128;
export const MAT_TAG_BYTES = 8;

/** Deflate packs at most 1,032 bytes into one: what unpacks to more than that is no deflate. */
export const MAX_INFLATION = 1032;

/**
 * Checks the 128 bytes that a MATLAB 5 file begins with.
 * @returns whether its numbers are little-endian
 * @throws UserError
 */
export function readMatHeader(header: Uint8Array, path: string): boolean {
  if (header.length < MAT_HEADER_BYTES) {
    throw new UserError(`${path}: expected a header of 128 bytes, found ${header.length}, get the file anew`);
  }
  const order = String.fromCharCode(header[126]!, header[127]!);
  if (order !== 'IM' && order !== 'MI') {
    throw new UserError(`${path}: no MATLAB 5 file: expected IM or MI at byte 126, get the file anew`);
  }
  const littleEndian = order === 'IM';
  const version = littleEndian ? header[125]! : header[124]!;
  if (version === 2) {
    throw new UserError(`${path}: a MATLAB 7.3 (HDF5) file; save it in MATLAB with the option -v7`);
  }
  if (version !== 1) throw new UserError(`${path}: expected version 1 of the format, found ${version}`);
  return littleEndian;
}

/** What an element's tag says; `small` if its data, up to four bytes, are in the tag's second half. */
export interface MatTag {
  readonly type: number;
  readonly bytes: number;
  readonly small: boolean;
}

/** What an array element says before its data. */
export interface MatHead {
  readonly kind: 'numeric' | 'char' | 'cell' | 'struct';
  /** MATLAB's. */
  readonly className: string;
  readonly complex: boolean;
  readonly logical: boolean;
  readonly name: string;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly count: number;
}

/** Reads elements one after another; nothing that a tag says is believed before it has been compared with what is left. */
export class MatCursor {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** For messages: the file, and which variable. */
  readonly where: string;
  at = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, littleEndian: boolean, where: string) {
    this.bytes = bytes;
    this.littleEndian = littleEndian;
    this.where = where;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Goes past a tag, and past the data of a small one not. */
  tag(): MatTag {
    if (this.left < MAT_TAG_BYTES) {
      this.fail(`expected an element's 8 bytes, found ${this.left} where the variable ends`);
    }
    const first = this.#view.getUint32(this.at, this.littleEndian);
    const size = first >>> 16;
    if (size === 0) {
      const bytes = this.#view.getUint32(this.at + 4, this.littleEndian);
      this.at += MAT_TAG_BYTES;
      return { type: first, bytes, small: false };
    }
    if (size > 4) this.fail(`a small element of ${size} bytes, 4 at most`);
    this.at += 4;
    return { type: first & 0xffff, bytes: size, small: true };
  }

  /** The next element whole; goes past it and the zeros that fill it up to eight bytes. */
  element(): { readonly type: number; readonly data: Uint8Array } {
    const { type, bytes, small } = this.tag();
    if (bytes > this.left) this.fail(`an element claims ${bytes} bytes, ${this.left} are left`);
    const data = this.bytes.subarray(this.at, this.at + bytes);
    // A compressed element is not filled up; a last one's filling may be missing.
    const filled = small ? 4 : type === MI.compressed ? bytes : Math.ceil(bytes / 8) * 8;
    this.at = Math.min(this.at + filled, this.bytes.length);
    return { type, data };
  }

  /** The flags, the shape and the name that an array begins with. */
  head(): MatHead {
    const flags = this.#expect(MI.uint32, 'flags');
    if (flags.length !== 8) this.fail(`expected 8 bytes of flags, found ${flags.length}`);
    const word = new DataView(flags.buffer, flags.byteOffset).getUint32(0, this.littleEndian);
    const known = CLASSES.get(word & 0xff);
    if (!known) {
      const name = UNREAD[word & 0xff] ?? `number ${word & 0xff}`;
      this.fail(`an array of class ${name}, which is not read`);
    }
    const shape = Array.from(
      matNumbers(MI.int32, this.#expect(MI.int32, 'sizes'), this.littleEndian) ?? [],
      Number,
    );
    if (shape.length < 2 || shape.length > 32 || shape.some((size) => size < 0)) {
      this.fail(`an array of the sizes ${shape.slice(0, 8).join('×') || 'none'}`);
    }
    const name = Buffer.from(this.#expect(MI.int8, 'name')).toString('latin1');
    if (name.length > 63) this.fail(`a name of ${name.length} letters`);
    return {
      kind: known.kind,
      className: known.name,
      complex: (word & 0x800) !== 0,
      logical: (word & 0x200) !== 0,
      name,
      shape,
      count: shape.reduce((product, size) => product * size, 1),
    };
  }

  fail(what: string): never {
    throw new UserError(`${this.where}: ${what}; get the file anew`);
  }

  #expect(type: number, what: string): Uint8Array {
    const element = this.element();
    if (element.type !== type) {
      this.fail(`expected an array's ${what} (type ${type}), found type ${element.type}`);
    }
    return element.data;
  }
}

/** Bytes a number of an element of that type takes; undefined if it holds no numbers. */
export function matNumberBytes(type: number): number | undefined {
  return NUMBERS[type]?.size;
}

/** The numbers of an element, copied; undefined if it holds no numbers, or a part of one. */
export function matNumbers(type: number, data: Uint8Array, littleEndian: boolean): MatNumbers | undefined {
  const kind = NUMBERS[type];
  if (!kind || data.length % kind.size !== 0) return undefined;
  const copy = new Uint8Array(data.length);
  copy.set(data);
  // Typed arrays are little-endian on every machine that Node runs on with this engine.
  if (!littleEndian) {
    for (let start = 0; start < copy.length; start += kind.size) {
      copy.subarray(start, start + kind.size).reverse();
    }
  }
  return kind.view(copy.buffer);
}

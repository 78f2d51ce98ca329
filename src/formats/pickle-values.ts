/** What a pickle of arrays can hold; tuples come as lists. */
export type PickleValue =
  | null
  | boolean
  | number
  | PickleString
  | PickleValue[]
  | Map<string, PickleValue>
  | NumpyArray
  | NumpyType
  | NumpyGlobal;

/** A string, still as its bytes: Latin-1 or raw from Python 2's `str` and Python 3's `bytes`, else UTF-8. */
export interface PickleString {
  readonly kind: 'string';
  readonly unicode: boolean;
  readonly bytes: Uint8Array;
}

/** What may be called or given as a class, of all that Python has. */
export interface NumpyGlobal {
  readonly kind: 'global';
  readonly name: 'reconstruct' | 'frombuffer' | 'ndarray' | 'dtype' | 'encode';
}

/** A type of numbers: `u1`, `f4`, …, and the byte order `<`, `>`, `=` or `|`. */
export interface NumpyType {
  readonly kind: 'type';
  readonly code: string;
  order: string;
}

export interface NumpyArray {
  readonly kind: 'array';
  type: NumpyType;
  shape: readonly number[];
  /** Whether the first index runs fastest. */
  fortran: boolean;
  /** As many bytes as shape and type say. */
  bytes: Uint8Array;
}

/** The text of a string; undefined for anything else. */
export function pickleText(value: PickleValue | undefined): string | undefined {
  if (!isString(value)) return undefined;
  const { buffer, byteOffset, length } = value.bytes;
  return Buffer.from(buffer, byteOffset, length).toString(value.unicode ? 'utf8' : 'latin1');
}

export function isString(value: PickleValue | undefined): value is PickleString {
  return isObject(value) && value.kind === 'string';
}

export function isArray(value: PickleValue | undefined): value is NumpyArray {
  return isObject(value) && value.kind === 'array';
}

export function isObject(
  value: PickleValue | undefined,
): value is PickleString | NumpyArray | NumpyType | NumpyGlobal {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

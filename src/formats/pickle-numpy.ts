import type { NumpyArray, NumpyGlobal, NumpyType, PickleString, PickleValue } from './pickle-values.js';

type Fail = (what: string) => never;

const GLOBALS: ReadonlyMap<string, NumpyGlobal['name']> = new Map([
  ['numpy ndarray', 'ndarray'],
  ['numpy dtype', 'dtype'],
  ['_codecs encode', 'encode'],
  // numpy 1 and 2.
  ['numpy.core.multiarray _reconstruct', 'reconstruct'],
  ['numpy._core.multiarray _reconstruct', 'reconstruct'],
  ['numpy.core.numeric _frombuffer', 'frombuffer'],
  ['numpy._core.numeric _frombuffer', 'frombuffer'],
]);

/** Only what is in the table above exists. */
export function numpyGlobal(module: string, name: string): NumpyGlobal | undefined {
  const known = GLOBALS.get(`${module} ${name}`);
  return known && { kind: 'global', name: known };
}

/** What a call of one of the globals makes. */
export function callNumpy(
  { name }: NumpyGlobal,
  args: readonly PickleValue[],
  fail: Fail,
): NumpyArray | NumpyType | PickleString {
  switch (name) {
    case 'dtype':
      return type(args[0], fail);
    case 'reconstruct': {
      // The arguments are the class, the shape (0,) and a type code: an array to be built by what follows.
      const [of] = args;
      if (!hasKind(of, 'global') || of.name !== 'ndarray') fail('reconstructs what is no array');
      return { ...EMPTY };
    }
    case 'frombuffer': {
      const [buffer, of, shape, order] = args;
      const letter = text(order);
      if (letter !== 'C' && letter !== 'F') fail('an array of neither order');
      const array: NumpyArray = { ...EMPTY };
      fill(array, shape, of, letter === 'F', buffer, fail);
      return array;
    }
    case 'encode':
      return latin1(args, fail);
    case 'ndarray':
      return fail('makes an array otherwise than numpy does');
  }
}

/** Gives a type its byte order, or an array its content. */
export function buildNumpy(target: NumpyArray | NumpyType, state: readonly PickleValue[], fail: Fail): void {
  if (target.kind === 'array') {
    const [version, shape, of, fortran, data] = state;
    if (version !== 1 || state.length !== 5) fail('an array of another version');
    if (typeof fortran !== 'boolean' && fortran !== 0 && fortran !== 1) fail('an array of neither order');
    fill(target, shape, of, Boolean(fortran), data, fail);
    return;
  }
  const [version, order, inner, names, fields] = state;
  const letter = text(order) ?? '';
  if (typeof version !== 'number' || !['<', '>', '|', '='].includes(letter)) fail('a type of no byte order');
  if (inner !== null || names !== null || fields !== null) fail('a type of several parts');
  target.order = letter;
}

const U1: NumpyType = Object.freeze({ kind: 'type', code: 'u1', order: '|' });
const EMPTY: Readonly<NumpyArray> = {
  kind: 'array',
  type: U1,
  shape: [0],
  fortran: false,
  bytes: new Uint8Array(0),
};

function type(code: PickleValue | undefined, fail: Fail): NumpyType {
  const name = text(code) ?? '';
  if (!/^(b1|[iu][1248]|f[248])$/.test(name)) fail(`a type that is no number: ${JSON.stringify(name)}`);
  return { kind: 'type', code: name, order: '=' };
}

function fill(
  array: NumpyArray,
  shape: PickleValue | undefined,
  of: PickleValue | undefined,
  fortran: boolean,
  data: PickleValue | undefined,
  fail: Fail,
): void {
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isSize)) fail('an array of no shape');
  if (!hasKind(of, 'type')) fail('an array of no type');
  if (!hasKind(data, 'string') || data.unicode) fail('an array whose content is no bytes');
  const expected = shape.reduce((product, size) => product * size, Number(of.code.slice(1)));
  if (data.bytes.length !== expected) {
    const sizes = shape.join('×');
    fail(`an array of ${sizes} ${of.code} has ${expected} bytes, found ${data.bytes.length}`);
  }
  array.shape = [...shape];
  array.type = of;
  array.fortran = fortran;
  array.bytes = data.bytes;
}

function isSize(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Bytes as Python 3 writes them for protocol 2: as text, to be encoded as Latin-1. */
function latin1([from, encoding]: readonly PickleValue[], fail: Fail): PickleString {
  const named = text(encoding) ?? '';
  if (!hasKind(from, 'string') || !from.unicode || !['latin1', 'latin-1'].includes(named)) {
    fail('encodes otherwise than to latin1');
  }
  const source = from.bytes;
  const bytes = new Uint8Array(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const byte = source[i]!;
    if (byte < 0x80) {
      bytes[length++] = byte;
      continue;
    }
    const next = source[++i] ?? 0;
    // Only U+0080 to U+00FF have a place in Latin-1: two bytes in UTF-8, the first 0xC2 or 0xC3.
    if ((byte !== 0xc2 && byte !== 0xc3) || (next & 0xc0) !== 0x80) fail('text that latin1 cannot hold');
    bytes[length++] = ((byte & 3) << 6) | (next & 0x3f);
  }
  return { kind: 'string', unicode: false, bytes: bytes.subarray(0, length) };
}

function hasKind<K extends 'global' | 'type' | 'string'>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { readonly kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** A short string. */
function text(value: PickleValue | undefined): string | undefined {
  return hasKind(value, 'string') && value.bytes.length <= 16
    ? Buffer.from(value.bytes).toString('latin1')
    : undefined;
}

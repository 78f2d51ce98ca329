/** What is kept of a struct, by the number of the field: whole numbers, what is true or false, and structs. */
export interface ThriftStruct {
  readonly numbers: ReadonlyMap<number, number>;
  readonly flags: ReadonlyMap<number, boolean>;
  readonly structs: ReadonlyMap<number, ThriftStruct>;
}

/** Structs within structs and lists within lists; Parquet's are six deep. */
const deepest = 32;

/**
 * Reads a struct of thrift's compact protocol, of whose values none is longer than the bytes that there are: what a parser
 * would make room for, it can have.
 *
 * @param bytes begin with the struct
 * @returns what it holds and the bytes that it takes
 * @throws Error if it does not end, or a list or a text is longer than what follows
 */
export function readThrift(bytes: Uint8Array): { readonly struct: ThriftStruct; readonly length: number } {
  let at = 0;
  const skip = (length: number): void => {
    if (length > bytes.length - at)
      throw new Error(`${length} bytes are said to follow, of ${bytes.length - at}`);
    at += length;
  };
  const byte = (): number => {
    skip(1);
    return bytes[at - 1]!;
  };
  const unsigned = (): number => {
    let value = 0;
    for (let unit = 1; unit < 2 ** 64; unit *= 128) {
      const next = byte();
      value += (next & 0x7f) * unit;
      if (next < 0x80) return value;
    }
    throw new Error('a number has more than 64 bits');
  };
  /** Of 0, −1, 1, −2 and so on, the one with this place. */
  const signed = (): number => {
    const place = unsigned();
    return place % 2 === 0 ? place / 2 : -(place + 1) / 2;
  };
  const list = (depth: number): void => {
    const header = byte();
    const size = header >> 4 === 15 ? unsigned() : header >> 4;
    // Every item takes a byte at least.
    if (size > bytes.length - at)
      throw new Error(`${size} items are said to follow in ${bytes.length - at} bytes`);
    for (let i = 0; i < size; i++) value(header & 15, depth + 1);
  };
  const value = (kind: number, depth: number): number | ThriftStruct | undefined => {
    if (depth > deepest) throw new Error(`values are more than ${deepest} deep`);
    if (kind >= 4 && kind <= 6) return signed();
    if (kind === 12) return struct(depth + 1);
    if (kind === 9) list(depth);
    else if (kind === 8) skip(unsigned());
    else if (kind === 7) skip(8);
    else if (kind >= 1 && kind <= 3) skip(1);
    else throw new Error(`a value is of kind ${kind}, which Parquet does not use`);
    return undefined;
  };
  const struct = (depth: number): ThriftStruct => {
    const numbers = new Map<number, number>();
    const flags = new Map<number, boolean>();
    const structs = new Map<number, ThriftStruct>();
    for (let id = 0; ;) {
      const header = byte();
      const kind = header & 15;
      if (kind === 0) return { numbers, flags, structs };
      id = header >> 4 === 0 ? signed() : id + (header >> 4);
      if (kind <= 2) {
        flags.set(id, kind === 1);
        continue;
      }
      const found = value(kind, depth);
      if (typeof found === 'number') numbers.set(id, found);
      else if (found !== undefined) structs.set(id, found);
    }
  };
  return { struct: struct(0), length: at };
}

import { deflateSync } from 'node:zlib';

export type MatOrder = 'little' | 'big';

/** An element: tag, data, zeros up to eight bytes; `small` puts up to four bytes into the tag. */
export function element(order: MatOrder, type: number, data: Uint8Array, small = false): Buffer {
  const tag = Buffer.alloc(8);
  if (small) {
    uint32(tag, order, 0, (data.length << 16) | type);
    tag.set(data, 4);
    return tag;
  }
  uint32(tag, order, 0, type);
  uint32(tag, order, 4, data.length);
  return Buffer.concat([tag, data, Buffer.alloc(-data.length & 7)]);
}

/** The numbers' bytes in that order. */
export function bytesOf(order: MatOrder, numbers: ArrayBufferView & { BYTES_PER_ELEMENT: number }): Buffer {
  const bytes = Buffer.from(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  if (order === 'little' || numbers.BYTES_PER_ELEMENT === 1) return bytes;
  const swapped = Buffer.alloc(bytes.length);
  const size = numbers.BYTES_PER_ELEMENT;
  for (let i = 0; i < bytes.length; i++) swapped[i - (i % size) + size - 1 - (i % size)] = bytes[i]!;
  return swapped;
}

/** An array element: flags, shape, name, and the elements of its content. */
export function matrix(
  order: MatOrder,
  { classNumber, flags = 0, shape, name = '' }: MatrixHead,
  ...content: readonly Uint8Array[]
): Buffer {
  const words = bytesOf(order, Uint32Array.of((flags << 8) | classNumber, 0));
  return element(
    order,
    14,
    Buffer.concat([
      element(order, 6, words),
      element(order, 5, bytesOf(order, Int32Array.from(shape))),
      element(order, 1, Buffer.from(name), name.length > 0 && name.length <= 4),
      ...content,
    ]),
  );
}

export interface MatrixHead {
  /** 6 double, 9 uint8, 4 char, 1 cell, 2 struct, … */
  readonly classNumber: number;
  /** 8 complex, 2 logical. */
  readonly flags?: number;
  readonly shape: readonly number[];
  readonly name?: string;
}

/** The 128 bytes at the beginning and the variables, as MATLAB 5 (`-v6`) or, compressed, as MATLAB 7 writes them. */
export function matFile(order: MatOrder, variables: readonly Uint8Array[], compress = false): Buffer {
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file, made up');
  header.fill(0, 116, 124);
  header.set(order === 'little' ? [0, 1, 0x49, 0x4d] : [1, 0, 0x4d, 0x49], 124);
  return Buffer.concat([
    header,
    ...variables.map((variable) => (compress ? compressed(order, variable) : variable)),
  ]);
}

/** Not filled up to eight bytes. */
export function compressed(order: MatOrder, variable: Uint8Array): Buffer {
  const packed = deflateSync(variable);
  const tag = Buffer.alloc(8);
  uint32(tag, order, 0, 15);
  uint32(tag, order, 4, packed.length);
  return Buffer.concat([tag, packed]);
}

function uint32(target: Buffer, order: MatOrder, at: number, value: number): void {
  if (order === 'little') target.writeUInt32LE(value, at);
  else target.writeUInt32BE(value, at);
}

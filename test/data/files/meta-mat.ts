/** The devkit's `meta.mat`, uncompressed: a struct array `synsets`, n×1. */
export function metaMat(synsets: readonly { id: number; wnid: string; words: string }[]): Buffer {
  const header = Buffer.alloc(128, 0x20);
  header.write('MATLAB 5.0 MAT-file, made by a test');
  header.fill(0, 116, 124);
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126);
  const fields = ['ILSVRC2012_ID', 'WNID', 'words'];
  const names = Buffer.alloc(32 * fields.length);
  fields.forEach((field, i) => names.write(field, 32 * i));
  const body = [
    element(5, int32(32)),
    element(1, names),
    ...synsets.flatMap(({ id, wnid, words }) => [number(id), text(wnid), text(words)]),
  ];
  return Buffer.concat([header, matrix(2, [synsets.length, 1], 'synsets', body)]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return matrix(6, [1, 1], '', [element(9, bytes)]);
}

function text(value: string): Buffer {
  return matrix(4, [1, value.length], '', [element(4, Buffer.from(value, 'utf16le'))]);
}

function matrix(mxClass: number, shape: readonly number[], name: string, body: readonly Buffer[]): Buffer {
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(mxClass);
  return element(
    14,
    Buffer.concat([element(6, flags), element(5, int32(...shape)), element(1, Buffer.from(name)), ...body]),
  );
}

function element(type: number, data: Buffer): Buffer {
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(type);
  tag.writeUInt32LE(data.length, 4);
  return Buffer.concat([tag, data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
}

function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
  return bytes;
}

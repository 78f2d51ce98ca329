import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf, UserError } from '../core/errors.js';
import { exists, readChecked, readExactly } from '../core/read.js';

const unzip = promisify(gunzip);

/**
 * The content of an idx file of unsigned bytes whose size is known beforehand, `<name>` or else `<name>.gz` in the folder.
 * @param shape the sizes that the header has to name
 * @returns the file's path, for messages, and the elements, row-major
 * @throws UserError if neither file is there, or it is cut, does not unpack, has another magic number or other sizes
 */
export async function readIdx(
  folder: string,
  name: string,
  shape: readonly number[],
  help: string,
): Promise<{ path: string; elements: Uint8Array }> {
  const headerBytes = 4 + 4 * shape.length;
  const bytes = headerBytes + shape.reduce((product, size) => product * size, 1);
  const plain = join(folder, name);
  const packed = (await exists(plain)) ? undefined : `${plain}.gz`;
  const path = packed ?? plain;
  const content = packed
    ? await readPacked(packed, bytes, `so is the unpacked ${name}; ${help}`)
    : await readExactly(plain, bytes, help);
  // Two zero bytes, 8 for unsigned bytes, the number of dimensions.
  const magic = (8 << 8) | shape.length;
  const found = content.readUInt32BE(0);
  if (found !== magic) {
    throw new UserError(
      `${path}: expected the magic number ${hex(magic)}, found ${hex(found)}: not such an idx file`,
    );
  }
  const sizes = shape.map((_, axis) => content.readUInt32BE(4 + 4 * axis));
  if (sizes.some((size, axis) => size !== shape[axis])) {
    throw new UserError(`${path}: expected the sizes ${shape.join('×')}, found ${sizes.join('×')}`);
  }
  return { path, elements: content.subarray(headerBytes) };
}

async function readPacked(path: string, bytes: number, help: string): Promise<Buffer> {
  const packed = await readChecked(path, help, (size) => {
    // Deflate never takes so much more than what it packs.
    if (size > 2 * bytes + 1024)
      throw new UserError(`${path}: ${size} bytes are too many for ${bytes} unpacked`);
  });
  let content: Buffer;
  try {
    content = await unzip(packed, { maxOutputLength: bytes + 1 });
  } catch (error) {
    throw new UserError(
      `${path}: does not unpack to the expected ${bytes} bytes (${messageOf(error)}), get it anew`,
    );
  }
  if (content.length !== bytes) {
    const found = content.length > bytes ? 'more' : String(content.length);
    throw new UserError(`${path}: expected ${bytes} bytes unpacked, found ${found}, get it anew`);
  }
  return content;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

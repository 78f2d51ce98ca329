import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createInflate } from 'node:zlib';
import { messageOf, UserError } from '../core/errors.js';
import { reading, statFile } from '../core/read.js';
import {
  MAT_HEADER_BYTES,
  MAT_TAG_BYTES,
  MatCursor,
  matNumberBytes,
  MAX_INFLATION,
  MI,
  readMatHeader,
} from './mat-elements.js';

/** A numeric variable whose numbers come next. */
export interface MatVariable {
  readonly name: string;
  readonly shape: readonly number[];
  /** One of `MI`: the type that the numbers are stored as. */
  readonly type: number;
  /** All the numbers' bytes together. */
  readonly bytes: number;
  readonly littleEndian: boolean;
}

/** Flags, sizes and name of an array take less than this, with the tag of its numbers. */
const HEAD_BYTES = 512;

/** Read and unpacked at a time. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Goes through the numeric variables of a MATLAB 5 file and writes their numbers, as stored, straight to where they
 * are wanted: nothing but a chunk is held besides.
 * @param target where a variable's numbers go, `bytes` long; undefined to go past it. What the variable claims has been
 * compared with its shape and with what the file could hold, and nothing has been allocated for it yet.
 * @param help what to do when the file is missing, as the end of the error's line
 * @throws UserError if the file is missing, cut, damaged or claims more than it holds
 */
export async function streamMat(
  path: string,
  help: string,
  target: (variable: MatVariable) => Uint8Array | undefined,
): Promise<void> {
  await reading(path, help, async () => {
    await statFile(path);
    const file = await open(path);
    try {
      await streamVariables(file, path, target);
    } finally {
      await file.close();
    }
  });
}

async function streamVariables(
  file: FileHandle,
  path: string,
  target: (variable: MatVariable) => Uint8Array | undefined,
): Promise<void> {
  const { size } = await file.stat();
  const littleEndian = readMatHeader(await readAt(file, 0, MAT_HEADER_BYTES), path);
  let at = MAT_HEADER_BYTES;
  for (let n = 1; at < size; n++) {
    const where = `${path}: variable ${n}`;
    const cursor = new MatCursor(await readAt(file, at, MAT_TAG_BYTES), littleEndian, where);
    const { type, bytes, small } = cursor.tag();
    const left = size - at - MAT_TAG_BYTES;
    if (small || bytes > left) cursor.fail(`claims ${bytes} bytes, ${left} are left in the file`);
    const end = at + MAT_TAG_BYTES + bytes;
    if (bytes > 0) {
      const compressed = type === MI.compressed;
      const stored = chunks(file, compressed ? at + MAT_TAG_BYTES : at, end);
      // An error reaches whoever reads what the pipeline ends in.
      const content = compressed
        ? pipeline(stored, createInflate({ chunkSize: CHUNK_BYTES }), () => {})
        : stored;
      const stream = new ByteStream(content, where);
      try {
        const capacity = compressed ? MAX_INFLATION * bytes : bytes + MAT_TAG_BYTES;
        await streamVariable(stream, capacity, littleEndian, target);
      } catch (error) {
        if (error instanceof UserError) throw error;
        cursor.fail(`does not unpack (${messageOf(error)})`);
      } finally {
        await stream.close();
      }
    }
    at = end;
  }
}

async function* chunks(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end;) {
    const chunk = await readAt(file, at, Math.min(CHUNK_BYTES, end - at));
    // Cut since its size was looked at.
    if (chunk.length === 0) return;
    yield chunk;
    at += chunk.length;
  }
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, position);
  return buffer.subarray(0, bytesRead);
}

/** @param capacity the most bytes that the stream can give */
async function streamVariable(
  stream: ByteStream,
  capacity: number,
  littleEndian: boolean,
  target: (variable: MatVariable) => Uint8Array | undefined,
): Promise<void> {
  const beginning = await stream.peek(MAT_TAG_BYTES + HEAD_BYTES);
  const outer = new MatCursor(beginning, littleEndian, stream.where);
  const matrix = outer.tag();
  if (matrix.type !== MI.matrix || matrix.small) {
    outer.fail(`expected an array, found an element of type ${matrix.type}`);
  }
  const content = beginning.subarray(MAT_TAG_BYTES, MAT_TAG_BYTES + matrix.bytes);
  const cursor = new MatCursor(content, littleEndian, stream.where);
  const head = cursor.head();
  if (head.kind !== 'numeric' || head.complex) {
    cursor.fail(`expected real numbers, found ${head.complex ? 'complex ones' : head.className}`);
  }
  const { type, bytes, small } = cursor.tag();
  const size = matNumberBytes(type);
  if (size === undefined || head.count * size !== bytes) {
    cursor.fail(`${head.shape.join('×')} numbers do not take the ${bytes} bytes of type ${type} claimed`);
  }
  const start = MAT_TAG_BYTES + cursor.at;
  // The numbers, the zeros that fill them up to eight bytes and nothing else.
  const filling = small ? 4 - bytes : -bytes & 7;
  const total = MAT_TAG_BYTES + matrix.bytes;
  if (total < start + bytes || total > start + bytes + filling) {
    cursor.fail(`an array of ${matrix.bytes} bytes, the numbers in it need ${cursor.at + bytes}`);
  }
  if (total > capacity) cursor.fail(`claims ${total} bytes, the file can hold ${capacity} at most`);
  const numbers = target({ name: head.name, shape: head.shape, type, bytes, littleEndian });
  if (!numbers) return;
  stream.skip(start);
  await stream.fill(numbers);
  await stream.end(total - start - bytes);
}

/** Takes what a stream gives in the pieces that are wanted. */
class ByteStream {
  readonly where: string;
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>, where: string) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.where = where;
  }

  /** The next `count` bytes, fewer only where the stream ends, without going past them. */
  async peek(count: number): Promise<Buffer> {
    while (this.#held.length < count) {
      const before = this.#held;
      if (!(await this.#next())) {
        this.#held = before;
        break;
      }
      this.#held = Buffer.concat([before, this.#held]);
    }
    return this.#held.subarray(0, count);
  }

  /** Goes past bytes that have been peeked at. */
  skip(count: number): void {
    this.#held = this.#held.subarray(count);
  }

  async fill(target: Uint8Array): Promise<void> {
    let filled = 0;
    for (;;) {
      const part = this.#held.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.skip(part.length);
      if (filled === target.length) return;
      if (!(await this.#next())) this.#fail(`claims ${target.length} bytes of numbers, found ${filled}`);
    }
  }

  /** Reads to the end, where a compressed stream's checksum is compared: `count` more bytes, no more and no fewer. */
  async end(count: number): Promise<void> {
    let found = this.#held.length;
    while (found <= count && (await this.#next())) found += this.#held.length;
    if (found !== count) this.#fail(`holds ${found > count ? 'more' : 'fewer'} bytes than it claims`);
  }

  /** Nothing more is wanted. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<boolean> {
    const result = await this.#chunks.next();
    if (result.done === true) return false;
    this.#held = result.value;
    return true;
  }

  #fail(what: string): never {
    throw new UserError(`${this.where}: ${what}; get the file anew`);
  }
}

import { UserError } from '../core/errors.js';

/** Longest name of a module, of something in it, or of a key. */
export const NAME_BYTES = 64;

/** Goes through a pickle's bytes; each length is compared with what is left before it is believed. */
export class PickleBytes {
  readonly #bytes: Uint8Array;
  at = 0;
  /** Where the opcode at hand begins, for messages. */
  opcodeAt = 0;
  readonly #path: string;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = bytes;
    this.#path = path;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** Goes past `count` bytes and returns where they begin. */
  #take(count: number): number {
    this.atLeast(count);
    const start = this.at;
    this.at += count;
    return start;
  }

  atLeast(count: number): void {
    if (count > this.left) this.fail(`expected ${count} more bytes, found ${this.left}`);
  }

  /** A view of the next bytes. */
  part(count: number): Uint8Array {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Eight bytes; far more than a file's length stays so, whatever is rounded. */
  length64(): number {
    const start = this.#take(8);
    return this.#view.getUint32(start, true) + 2 ** 32 * this.#view.getUint32(start + 4, true);
  }

  /** A length, then so many bytes of a signed integer. */
  long(): number {
    const length = this.byte();
    if (length > 6) this.fail(`an integer of ${length} bytes`);
    const bytes = this.part(length);
    const value = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
    return (bytes.at(-1) ?? 0) >= 128 ? value - 256 ** length : value;
  }

  /** A name, up to the end of its line. */
  line(): string {
    const start = this.at;
    const end = this.#bytes.subarray(start, start + NAME_BYTES + 1).indexOf(10);
    if (end < 0) this.fail('a global of a long name');
    this.at = start + end + 1;
    return String.fromCharCode(...this.#bytes.subarray(start, start + end));
  }

  fail(what: string): never {
    throw new UserError(`${this.#path}: byte ${this.opcodeAt}: ${what}; get the file anew`);
  }
}

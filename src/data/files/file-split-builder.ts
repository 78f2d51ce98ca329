import { createHash } from 'node:crypto';
import { UserError } from '../../core/errors.js';
import type { FileSplit } from '../dataset.js';
import { sharedBytes, sharedLabels } from '../split.js';

const CHUNK_BYTES = 1 << 20;

/** Labels are 16 bits wide. */
export const MOST_CLASSES = 65_536;

/**
 * Collects paths and labels one by one. A path is kept as its bytes alone, so that a scan of a million files never
 * holds a million strings.
 */
export class FileSplitBuilder {
  readonly #chunks: Buffer[] = [];
  /** Free space in the last chunk begins here. */
  #used = 0;
  #lengths = new Uint32Array(1024);
  #labels = new Uint16Array(1024);
  #size = 0;
  readonly #names = createHash('sha256');

  get size(): number {
    return this.#size;
  }

  /**
   * @param label below `MOST_CLASSES`
   * @param name what the data set knows the file by, wherever the set lies
   */
  add(path: string, label: number, name: string): void {
    // File systems differ in how they compose letters, and a set may move from one to another.
    this.#names.update(`${name.normalize('NFC')}\0`);
    const length = Buffer.byteLength(path);
    let chunk = this.#chunks.at(-1);
    if (!chunk || this.#used + length > chunk.length) {
      if (chunk) this.#chunks[this.#chunks.length - 1] = chunk.subarray(0, this.#used);
      chunk = Buffer.alloc(Math.max(CHUNK_BYTES, length));
      this.#chunks.push(chunk);
      this.#used = 0;
    }
    chunk.write(path, this.#used);
    this.#used += length;
    if (this.#size === this.#lengths.length) this.#grow();
    this.#lengths[this.#size] = length;
    this.#labels[this.#size++] = label;
  }

  /** The split, over shared memory, and the SHA-256 of all names. The builder is not to be used any more. */
  finish(): { split: FileSplit; names: string } {
    const size = this.#size;
    const starts = new Float64Array(new SharedArrayBuffer(8 * (size + 1)));
    for (let i = 0; i < size; i++) starts[i + 1] = starts[i]! + this.#lengths[i]!;
    const bytes = sharedBytes(starts[size]!);
    let at = 0;
    for (const [i, chunk] of this.#chunks.entries()) {
      const filled = i + 1 < this.#chunks.length ? chunk : chunk.subarray(0, this.#used);
      bytes.set(filled, at);
      at += filled.length;
    }
    const labels = sharedLabels(size);
    labels.set(this.#labels.subarray(0, size));
    const split: FileSplit = { kind: 'files', size, paths: { bytes, starts }, labels };
    return { split, names: this.#names.digest('hex') };
  }

  #grow(): void {
    const lengths = new Uint32Array(2 * this.#lengths.length);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
    const labels = new Uint16Array(2 * this.#labels.length);
    labels.set(this.#labels);
    this.#labels = labels;
  }
}

/** @throws UserError if there are fewer than two classes, or more than labels can tell apart */
export function checkClassCount(where: string, count: number, what: string): void {
  if (count < 2) throw new UserError(`${where}: expected ${what} of two classes or more, found ${count}`);
  if (count > MOST_CLASSES) {
    throw new UserError(`${where}: expected ${what} of at most ${MOST_CLASSES} classes, found ${count}`);
  }
}

import { createHash } from 'node:crypto';
import { packPaths } from './path-list.js';
import type { FileSplit } from '../dataset.js';
import { sharedBytes, sharedLabels } from '../split.js';

/** Collects images that lie within other files, one by one. */
export interface ContentsBuilder {
  /**
   * @param label below 2¹⁶
   * @param place where it lies, for messages
   * @param name what the data set knows it by, wherever the set lies
   */
  add(content: Uint8Array, label: number, place: string, name: string): void;
  /** The split, over shared memory; the SHA-256 of all names; and the images' sizes in bytes. */
  finish(): { readonly split: FileSplit; readonly names: string; readonly sizes: Float64Array };
}

export function contentsBuilder(): ContentsBuilder {
  const contents: Uint8Array[] = [];
  const labels: number[] = [];
  const places: string[] = [];
  const names = createHash('sha256');
  return {
    add(content, label, place, name) {
      contents.push(content);
      labels.push(label);
      places.push(place);
      names.update(`${name.normalize('NFC')}\0`);
    },
    finish() {
      const size = contents.length;
      const starts = new Float64Array(new SharedArrayBuffer(8 * (size + 1)));
      contents.forEach((content, i) => (starts[i + 1] = starts[i]! + content.length));
      const bytes = sharedBytes(starts[size]!);
      contents.forEach((content, i) => bytes.set(content, starts[i]!));
      const shared = sharedLabels(size);
      shared.set(labels);
      const sizes = Float64Array.from(contents, ({ length }) => length);
      const split: FileSplit = {
        ...{ kind: 'files', size, paths: packPaths(places), labels: shared },
        contents: { bytes, starts },
      };
      return { split, names: names.digest('hex'), sizes };
    },
  };
}

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomic } from '../../core/files.js';

/** What tells a file on a server from another that takes its address later. */
const originSchema = z.strictObject({
  url: z.string(),
  /** A strong one: one that changes with any byte. */
  etag: z.string().exactOptional(),
  lastModified: z.string().exactOptional(),
});

export type Origin = z.output<typeof originSchema>;

/** A file that is not whole yet, `<path>.part`, and where it comes from, `<path>.part.json`. */
export interface PartialFile {
  readonly path: string;
  /** Bytes that are there. */
  size(): number;
  /** Where they come from; undefined if that is not known, so that nothing can be added to them. */
  origin(): Origin | undefined;
  /** Makes it empty, for bytes from there. */
  restart(origin: Origin): void;
  remove(): void;
}

export function partialFile(path: string): PartialFile {
  const part = `${path}.part`;
  const record = `${part}.json`;
  return {
    path: part,
    size: () => statSync(part, { throwIfNoEntry: false })?.size ?? 0,
    origin: () => readOrigin(record),
    restart: (origin) => {
      writeFileSync(part, '');
      writeFileAtomic(record, JSON.stringify(origin));
    },
    remove: () => {
      rmSync(part, { force: true });
      rmSync(record, { force: true });
    },
  };
}

function readOrigin(record: string): Origin | undefined {
  let text: string;
  try {
    text = readFileSync(record, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return originSchema.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: as good as no record, the download starts anew.
    return undefined;
  }
}

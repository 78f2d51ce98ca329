import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FileContent } from './manifest.js';

/** The strongest checksum that is known comes first. */
const algorithms = ['sha256', 'sha1', 'md5'] as const;

export interface Checksum {
  readonly algorithm: (typeof algorithms)[number];
  readonly digest: string;
}

/** The strongest checksum known of a file, or undefined. */
export function knownChecksum(content: FileContent): Checksum | undefined {
  for (const algorithm of algorithms) {
    const digest = content[algorithm];
    if (digest !== undefined) return { algorithm, digest };
  }
  return undefined;
}

/** Compares bytes that come in pieces with what a file has to be. */
export interface ContentCheck {
  update(bytes: Uint8Array): void;
  /** `expected …, found …` when all bytes have come, or undefined. */
  problem(): string | undefined;
}

export function contentCheck(content: FileContent): ContentCheck {
  const checksum = knownChecksum(content);
  const hash = checksum && createHash(checksum.algorithm);
  let size = 0;
  return {
    update: (bytes) => {
      size += bytes.length;
      hash?.update(bytes);
    },
    problem: () => {
      if (content.bytes !== null && size !== content.bytes) return wrongSize(content.bytes, size);
      const digest = hash?.digest('hex');
      if (!checksum || digest === checksum.digest) return undefined;
      return `expected ${checksum.algorithm} ${checksum.digest}, found ${digest}`;
    },
  };
}

export interface CheckOptions {
  /** Whether the bytes are read too, where a checksum is known; else the size alone is looked at. */
  readonly checksums: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What is wrong with a file (missing, wrong size, wrong checksum), or undefined. */
export async function fileProblem(
  path: string,
  content: FileContent,
  { checksums, signal, onProgress }: CheckOptions,
): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!found) return 'is missing';
  if (!found.isFile()) return 'is no file';
  if (content.bytes !== null && found.size !== content.bytes) return wrongSize(content.bytes, found.size);
  if (!checksums || !knownChecksum(content)) return undefined;
  const check = contentCheck(content);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    check.update(chunk);
    done += chunk.length;
    onProgress?.(done, found.size);
  }
  return check.problem();
}

function wrongSize(expected: number, found: number): string {
  return `expected ${expected} bytes, found ${found}`;
}

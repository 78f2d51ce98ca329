import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { messageOf, UserError } from '../../core/errors.js';
import { contentCheck } from './checksum.js';
import type { ManifestFile } from './manifest.js';

/** Room for headers, padding, and files that the manifest does not list. */
const slackBytes = 1 << 20;
/** Room for a file whose size the manifest does not tell: a short text. */
const unknownBytes = 1 << 20;

const gzipMagic = Buffer.from([0x1f, 0x8b]);
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

const fileTypes: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of files written, and all that there are to write, as far as their sizes are known. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Unpacks the listed files of a .tar.gz into a new folder. Only paths from the list are ever opened, so nothing can
 * land elsewhere. The archive is refused as a whole, at the first fault, if it holds a link, a device, a path that
 * leads out, a file twice, a listed file of another size or checksum, or unpacks to more than the list's files
 * together; and if a listed file is missing from it. What was written until then is left for the caller to remove.
 * @throws UserError naming the archive and the entry
 */
export async function unpackTarGz(
  archive: string,
  folder: string,
  files: readonly ManifestFile[],
  { signal, onProgress }: UnpackOptions = {},
): Promise<void> {
  const limit = files.reduce((sum, { bytes }) => sum + (bytes ?? unknownBytes), slackBytes);
  const total = files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  let written = 0;
  const writer = entryWriter(archive, folder, files, (bytes) => (written += bytes));
  const compressed = createReadStream(archive, { highWaterMark: 1 << 18 });
  const plain = createGunzip({ chunkSize: 1 << 18 });
  compressed.on('error', (error) => plain.destroy(error));
  let unpacked = 0;
  try {
    for await (const chunk of compressed.pipe(plain) as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      unpacked += chunk.length;
      if (unpacked > limit) refuse(archive, `unpacks to more than the ${limit} bytes that it may`);
      writer.write(chunk);
      onProgress?.(Math.min(written, total), total);
    }
    writer.end();
  } catch (error) {
    if (isZlibError(error)) refuse(archive, `not a sound gzip file (${messageOf(error)})`);
    throw error;
  } finally {
    compressed.destroy();
    writer.close();
  }
}

/** Takes a tar archive's bytes and writes the listed files, all of it synchronously. */
function entryWriter(
  archive: string,
  folder: string,
  files: readonly ManifestFile[],
  onWritten: (bytes: number) => void,
): { write(bytes: Buffer): void; end(): void; close(): void } {
  const missing = new Map(files.map((file) => [file.path, file]));
  const listed = new Map(missing);
  let descriptor: number | undefined;
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  const writeEntry = (entry: ReadEntry): void => {
    const file = judge(archive, entry, listed);
    if (!file) {
      entry.resume();
      return;
    }
    if (!missing.delete(file.path)) refuse(archive, `entry ${quoted(entry)} is there twice`);
    const path = join(folder, file.path);
    mkdirSync(dirname(path), { recursive: true });
    descriptor = openSync(path, 'wx');
    const check = contentCheck(file);
    entry.on('data', (bytes: Buffer) => {
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor!, bytes, done);
      check.update(bytes);
      onWritten(bytes.length);
    });
    entry.on('end', () => {
      close();
      const problem = check.problem();
      if (problem !== undefined) refuse(archive, `entry ${quoted(entry)}: ${problem}`);
    });
  };

  // Strict: what the parser would only warn of is an error.
  const parser = new Parser({ strict: true });
  parser.on('error', (error: Error) => refuse(archive, `not a sound tar archive (${error.message})`));
  parser.on('ignoredEntry', (entry: ReadEntry) => refuse(archive, notAFile(entry)));
  parser.on('entry', writeEntry);
  let start: Buffer | undefined = Buffer.alloc(0);
  const pass = (bytes: Buffer): void => {
    // The parser would go on to unpack a second layer by itself, without a limit.
    if (isCompressed(bytes)) refuse(archive, 'is compressed twice');
    start = undefined;
    parser.write(bytes);
  };
  return {
    write: (bytes) => {
      if (!start) parser.write(bytes);
      else if (start.length + bytes.length < 512) start = Buffer.concat([start, bytes]);
      else pass(Buffer.concat([start, bytes]));
    },
    end: () => {
      if (start) pass(start);
      parser.end();
      const [first] = missing.keys();
      if (first !== undefined) refuse(archive, `${first} is not in it`);
    },
    close,
  };
}

/** The listed file that an entry is, or undefined for one to pass over. */
function judge(
  archive: string,
  entry: ReadEntry,
  listed: ReadonlyMap<string, ManifestFile>,
): ManifestFile | undefined {
  const { path, size, type } = entry;
  if (/^[/\\]|^[A-Za-z]:/.test(path)) refuse(archive, `entry ${quoted(entry)} has an absolute path`);
  if (path.split(/[/\\]/).includes('..')) refuse(archive, `entry ${quoted(entry)} leads out of the folder`);
  if (type === 'Directory') return undefined;
  if (!fileTypes.includes(type)) refuse(archive, notAFile(entry));
  const file = listed.get(path.replace(/^(\.\/)+/, ''));
  if (!file) return undefined;
  if (size !== (file.bytes ?? size) || size > (file.bytes ?? unknownBytes)) {
    const expected = file.bytes ?? `at most ${unknownBytes}`;
    refuse(archive, `entry ${quoted(entry)}: expected ${expected} bytes, found ${size}`);
  }
  return file;
}

function refuse(archive: string, problem: string): never {
  throw new UserError(`${archive}: ${problem}: nothing of it was put in place`);
}

function notAFile(entry: ReadEntry): string {
  return `entry ${quoted(entry)} is a ${entry.type}, not a file`;
}

/** The path as text on one line, whatever is in it. */
function quoted(entry: ReadEntry): string {
  return JSON.stringify(entry.path);
}

/** Whether bytes begin as gzip or zstd does. */
function isCompressed(start: Buffer): boolean {
  return start.subarray(0, 2).equals(gzipMagic) || start.subarray(0, 4).equals(zstdMagic);
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

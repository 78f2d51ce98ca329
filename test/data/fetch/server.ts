import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { afterEach } from 'vitest';
import type { Patience } from '../../../src/data/fetch/download.js';
import type { Manifest, ManifestFile } from '../../../src/data/fetch/manifest.js';
import { randomStream } from '../../../src/core/random.js';

/** Answers the request of that number, from 0. */
export type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

export interface TestServer {
  readonly url: string;
  /** In the order they came. */
  readonly requests: readonly { readonly url: string; readonly headers: IncomingMessage['headers'] }[];
}

/** Starts a server on this machine for the test at hand. */
export function testServers(): (handler: Handler) => Promise<TestServer> {
  const running: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of running.splice(0)) await stop();
  });
  return async (handler) => {
    const requests: { url: string; headers: IncomingMessage['headers'] }[] = [];
    const server = createServer((request, response) => {
      requests.push({ url: request.url ?? '', headers: request.headers });
      handler(request, response, requests.length - 1);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    running.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
  };
}

export interface ServedFile {
  readonly content: Buffer;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Whether parts can be had; default: yes. */
  readonly ranges?: boolean;
  /** The connection is cut after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Nothing more comes after so many bytes of the body. */
  readonly stallAfter?: number;
}

/** Answers as a web server does that has the file. */
export function serveFile(request: IncomingMessage, response: ServerResponse, file: ServedFile): void {
  const { content, etag, lastModified, ranges = true, cutAfter, stallAfter } = file;
  if (etag !== undefined) response.setHeader('etag', etag);
  if (lastModified !== undefined) response.setHeader('last-modified', lastModified);
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const condition = request.headers['if-range'] as string | undefined;
  const partly =
    ranges && from !== undefined && (condition === undefined || [etag, lastModified].includes(condition));
  const start = partly ? Number(from) : 0;
  if (partly && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start);
  response.writeHead(partly ? 206 : 200, {
    'content-length': body.length,
    ...(partly && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  if (cutAfter === undefined && stallAfter === undefined) {
    response.end(body);
    return;
  }
  // All that was written arrives before the connection ends.
  response.write(body.subarray(0, cutAfter ?? stallAfter), () => {
    if (cutAfter !== undefined) response.socket?.end();
  });
}

/** Seconds that a test has. */
export const impatient: Patience = { retries: 2, retrySeconds: 0.01, stallSeconds: 0.3 };

export function noise(length: number, seed = 1): Buffer {
  const random = randomStream(seed, 'noise');
  return Buffer.from(Uint8Array.from({ length }, () => random.below(256)));
}

export function digest(algorithm: 'sha256' | 'sha1' | 'md5', content: Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

export interface TarEntry {
  readonly path: string;
  readonly type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'BlockDevice' | 'FIFO' | 'Directory';
  readonly content?: Buffer;
  readonly linkpath?: string;
  /** What the header claims, where it is not the content's. */
  readonly size?: number;
}

/** A tar archive, byte by byte as told, with nothing made safe. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = 'File', content = Buffer.alloc(0), linkpath, size }) => {
    const header = new Header({
      path,
      type,
      mode: 0o644,
      size: size ?? content.length,
      ...(linkpath !== undefined && { linkpath }),
    });
    const block = Buffer.alloc(512);
    header.encode(block, 0);
    return [block, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function tarGz(entries: readonly TarEntry[]): Buffer {
  return gzipSync(tar(entries));
}

/** A made-up data set, one archive with two files in a folder, and its manifest for a server's address. */
export function madeUpSet(seed = 1): {
  readonly archive: Buffer;
  readonly files: Readonly<Record<string, Buffer>>;
  manifest(url: string): Manifest;
} {
  const files = { 'toys/train.bin': noise(200_000, seed), 'toys/names.txt': Buffer.from('car\nball\n') };
  const archive = tarGz([
    { path: 'toys/', type: 'Directory' },
    ...Object.entries(files).map(([path, content]) => ({ path, content })),
    { path: 'toys/readme.html', content: Buffer.from('<p>') },
  ]);
  const unpack: ManifestFile[] = [
    {
      path: 'toys/train.bin',
      bytes: files['toys/train.bin'].length,
      sha1: digest('sha1', files['toys/train.bin']),
    },
    { path: 'toys/names.txt', bytes: null },
  ];
  const content = { bytes: archive.length, sha256: digest('sha256', archive) };
  return {
    archive,
    files,
    manifest: (url) => ({ ...madeUp, downloads: [{ url, file: 'toys.tar.gz', ...content, unpack }] }),
  };
}

/** What a manifest has beside its downloads. */
export const madeUp = {
  name: 'toys',
  title: 'Toys',
  homepage: 'https://example.org/toys',
  licence: 'None.',
  cite: 'Nobody.',
  images: { classes: 2, train: 2, test: 1 },
} as const;

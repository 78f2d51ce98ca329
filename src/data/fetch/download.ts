import type { IncomingHttpHeaders } from 'node:http';
import { open, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../core/errors.js';
import { fileProblem } from './checksum.js';
import type { FileContent } from './manifest.js';
import { partialFile, type Origin, type PartialFile } from './partial.js';
import { ConnectionLost, request, Unreachable, type Response } from './request.js';

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes there are so far, and all that will be, where that is known. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
  /** As `onProgress`, while the checksum is computed. */
  readonly onCheck?: ((done: number, total: number) => void) | undefined;
  /** Takes a line for the user: that a download goes on or starts anew, and why. */
  readonly onNote?: ((line: string) => void) | undefined;
  readonly patience?: Patience | undefined;
}

export interface Patience {
  /** Times to try again if no new byte has come since the last time. */
  readonly retries: number;
  /** Before the first of them; each further one waits twice as long. */
  readonly retrySeconds: number;
  /** A connection over which nothing comes for so long is given up. */
  readonly stallSeconds: number;
}

const defaultPatience: Patience = { retries: 5, retrySeconds: 1, stallSeconds: 30 };
const longestWaitSeconds = 60;

/**
 * Downloads a file to `path` and checks it. Until it is whole and right it is `<path>.part`, which a later call goes
 * on with if the server can and still has the same file. A connection that is cut or stalls is taken up again a few
 * times. A file that lies at `path` already is checked instead.
 * @throws UserError if the server refuses, or what it sends is not of the right size or checksum
 */
export async function downloadFile(
  url: string,
  path: string,
  content: FileContent,
  options: DownloadOptions = {},
): Promise<void> {
  const { signal, onCheck, onNote } = options;
  const check = (file: string): Promise<string | undefined> =>
    fileProblem(file, content, { checksums: true, signal, onProgress: onCheck });
  const found = await check(path);
  if (found === undefined) return;
  if (found !== 'is missing') throw new UserError(`${path}: ${found}: remove it and fetch again`);
  const partial = partialFile(path);
  const job: Job = { url, path, partial, expected: content.bytes, options };
  const resumed = partial.size() > 0;
  await receiveAll(job);
  let problem = await check(partial.path);
  if (problem !== undefined && resumed) {
    onNote?.(`${url}: the file put together from parts is wrong (${problem}): starting anew`);
    partial.remove();
    await receiveAll(job);
    problem = await check(partial.path);
  }
  if (problem !== undefined) {
    partial.remove();
    throw new UserError(
      `${url}: what came is not the file that it should be, ${problem}: fetch again, and if that is no help, the file has changed there`,
    );
  }
  await rename(partial.path, path);
  partial.remove();
}

interface Job {
  readonly url: string;
  readonly path: string;
  readonly partial: PartialFile;
  readonly expected: number | null;
  readonly options: DownloadOptions;
}

/** Receives until the file is whole, over as many connections as it takes. */
async function receiveAll(job: Job): Promise<void> {
  const { url, path, partial, options } = job;
  const { retries, retrySeconds, stallSeconds } = options.patience ?? defaultPatience;
  let most = partial.size();
  let failures = 0;
  let received = false;
  for (;;) {
    try {
      return await receive(job, stallSeconds);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      const size = partial.size();
      if (size > most) {
        failures = 0;
        received = true;
        most = size;
      }
      const kept = size > 0 ? ` (${size} bytes are kept: the same command goes on from there)` : '';
      if (error instanceof Unreachable && !received) {
        throw new UserError(
          `${url}: ${error.message}: see to the network and run it again${kept}, or get the file elsewhere and put it at ${path}`,
        );
      }
      if (++failures > retries) {
        throw new UserError(`${url}: ${error.message}, ${failures} times on end: try again later${kept}`);
      }
      const wait = Math.min(
        longestWaitSeconds,
        Math.max(error.waitSeconds, retrySeconds * 2 ** (failures - 1)),
      );
      options.onNote?.(`${url}: ${error.message}: trying again in ${wait} s`);
      await sleep(1000 * wait, undefined, { signal: options.signal });
    }
  }
}

/** Receives the file, or what is missing of it, over one connection. */
async function receive(job: Job, stallSeconds: number): Promise<void> {
  const { url, partial, expected, options } = job;
  const origin = partial.origin();
  const validator = origin?.url === url ? (origin.etag ?? origin.lastModified) : undefined;
  if (validator === undefined && partial.size() > 0) {
    options.onNote?.(`${url}: nothing tells whether the file there is still the same: starting anew`);
  }
  if (validator === undefined || partial.size() > (expected ?? Infinity)) partial.remove();
  const have = partial.size();
  if (have > 0 && have === expected) return;
  const range = have > 0 && validator !== undefined ? { range: `bytes=${have}-`, 'if-range': validator } : {};
  const headers = { 'user-agent': 'locallearn', 'accept-encoding': 'identity', ...range };
  const response = await request(url, { headers, stallSeconds, signal: options.signal });
  try {
    const answer = judge(job, response, have, origin);
    if (answer === 'whole') return;
    if (answer !== 'anew') return await store(job, response, answer);
  } finally {
    response.close();
  }
  partial.remove();
  await receive(job, stallSeconds);
}

/** Where the body's bytes belong. */
interface Place {
  readonly start: number;
  /** Bytes of the whole file, where the server tells. */
  readonly total: number | undefined;
}

/**
 * What the server's answer means to a download that has `have` bytes: where the body goes, that the file is whole
 * already, or that another request must ask for all of it.
 */
function judge(
  { url, partial, expected, options }: Job,
  { status, headers }: Response,
  have: number,
  origin: Origin | undefined,
): Place | 'whole' | 'anew' {
  if ([408, 429, 500, 502, 503, 504].includes(status)) {
    throw new ConnectionLost(`the server answers ${status}`, Number(headers['retry-after']) || 0);
  }
  const same = isSame(origin, headers);
  const anew = (why: string): 'anew' => {
    options.onNote?.(`${url}: ${why}: starting anew`);
    return 'anew';
  };
  let place: Place;
  if (status === 200) {
    if (have > 0) anew(same ? 'the server cannot resume' : 'the file has changed there');
    partial.restart(originOf(url, headers));
    const length = headers['content-length'];
    place = { start: 0, total: length === undefined ? undefined : Number(length) };
  } else if (status === 206 && have > 0) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
    if (!same) return anew('the file has changed there');
    if (Number(start) !== have) return anew('the server answers with another part than was asked for');
    options.onNote?.(`${url}: going on after ${have} bytes`);
    place = { start: have, total: Number(total) };
  } else if (status === 416 && have > 0) {
    const [, total] = /^bytes \*\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
    if (expected === null && same && Number(total) === have) return 'whole';
    return anew('the file on the server is shorter than what is here');
  } else {
    const hint = status === 404 || status === 410 ? 'the file is no longer there' : 'the server refuses';
    throw new UserError(`${url}: answers ${status}: ${hint}; see datasets/README.md for its homepage`);
  }
  if (expected !== null && place.total !== undefined && place.total !== expected) {
    partial.remove();
    throw new UserError(
      `${url}: expected ${expected} bytes, the server has ${place.total}: the file has changed there`,
    );
  }
  return place;
}

async function store(
  { url, partial, expected, options }: Job,
  response: Response,
  place: Place,
): Promise<void> {
  const total = expected ?? place.total;
  const file = await open(partial.path, 'r+');
  try {
    let position = place.start;
    options.onProgress?.(position, total);
    for await (const chunk of response.body()) {
      if (total !== undefined && position + chunk.length > total) {
        partial.remove();
        throw new UserError(`${url}: expected ${total} bytes, more came: the file has changed there`);
      }
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position);
        done += bytesWritten;
        position += bytesWritten;
      }
      options.onProgress?.(position, total);
    }
    if (total !== undefined && position < total) throw new ConnectionLost('the connection ended early');
    await file.sync();
  } finally {
    await file.close();
  }
}

function originOf(url: string, headers: IncomingHttpHeaders): Origin {
  const { etag, 'last-modified': lastModified } = headers;
  return {
    url,
    ...(etag !== undefined && !etag.startsWith('W/') && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

/** Whether what the server tells of its file is what it told when the download began. */
function isSame(origin: Origin | undefined, headers: IncomingHttpHeaders): boolean {
  const now = originOf('', headers);
  return origin?.etag === undefined || now.etag === undefined
    ? origin?.lastModified === now.lastModified
    : origin.etag === now.etag;
}

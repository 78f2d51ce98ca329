import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { downloadFile } from '../../../src/data/fetch/download.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import { digest, impatient, noise, serveFile, testServers, type ServedFile } from './server.js';

const newFolder = temporaryFolders();
const newServer = testServers();
const content = noise(300_000);
const right = { bytes: content.length, sha256: digest('sha256', content) };
const etag = '"one"';

/** Downloads from a server that serves the file of that number at each request, the last again and again. */
async function download(files: readonly ServedFile[], path = join(newFolder(), 'file'), expected = right) {
  const server = await newServer((request, response, number) =>
    serveFile(request, response, files[Math.min(number, files.length - 1)]!),
  );
  const notes: string[] = [];
  const progress: [number, number | undefined][] = [];
  const run = (): Promise<void> =>
    downloadFile(`${server.url}/file`, path, expected, {
      patience: impatient,
      onNote: (line) => notes.push(line.replace(`${server.url}/file: `, '')),
      onProgress: (done, total) => progress.push([done, total]),
    });
  return { server, path, notes, progress, run };
}

function expectWhole(path: string): void {
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(existsSync(`${path}.part`)).toBe(false);
  expect(existsSync(`${path}.part.json`)).toBe(false);
}

it('downloads, tells how far it is, and asks for no coding of the bytes', async () => {
  const { server, path, notes, progress, run } = await download([{ content, etag }]);
  await run();
  expectWhole(path);
  expect(notes).toEqual([]);
  expect(progress[0]).toEqual([0, content.length]);
  expect(progress.at(-1)).toEqual([content.length, content.length]);
  expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
  await run();
  expect(server.requests).toHaveLength(1);
});

it('goes on where the connection was cut, each time, for the file that it began with', async () => {
  const cut = { content, etag, cutAfter: 70_000 };
  const { server, path, notes, run } = await download([cut, cut, cut, { content, etag }]);
  await run();
  expectWhole(path);
  expect(server.requests.map(({ headers }) => headers['if-range'])).toEqual([undefined, etag, etag, etag]);
  expect(notes.filter((line) => /connection lost .*trying again/.test(line))).toHaveLength(3);
  expect(notes.filter((line) => /^going on after \d+ bytes$/.test(line))).toHaveLength(3);
});

it('resumes by the date where the server gives no strong tag', async () => {
  const lastModified = 'Tue, 04 Jun 2009 20:57:00 GMT';
  const served = { content, etag: 'W/"weak"', lastModified };
  const { server, path, run } = await download([{ ...served, cutAfter: 1000 }, served]);
  await run();
  expectWhole(path);
  expect(server.requests[1]?.headers).toMatchObject({ 'if-range': lastModified, range: 'bytes=1000-' });
});

it('starts anew, and says so, where the server refuses ranges', async () => {
  const served = { content, etag, ranges: false };
  const { path, notes, run } = await download([{ ...served, cutAfter: 70_000 }, served]);
  await run();
  expectWhole(path);
  expect(notes).toContain('the server cannot resume: starting anew');
});

it('starts anew where the file has changed there meanwhile', async () => {
  const { path, notes, run } = await download([
    { content: noise(content.length, 2), etag: '"old"', cutAfter: 70_000 },
    { content, etag },
  ]);
  await run();
  expectWhole(path);
  expect(notes).toContain('the file has changed there: starting anew');
});

it('starts anew where the server sends a part of another file against its own tags', async () => {
  const server = await newServer((request, response, number) => {
    delete request.headers['if-range'];
    const served =
      number === 0 ? { content: noise(300_000, 2), etag: '"old"', cutAfter: 9 } : { content, etag };
    serveFile(request, response, served);
  });
  const path = join(newFolder(), 'file');
  await downloadFile(`${server.url}/file`, path, right, { patience: impatient });
  expectWhole(path);
});

it('starts anew once if parts of different files turn out to have been put together', async () => {
  const folder = newFolder();
  const path = join(folder, 'file');
  const { server, notes, run } = await download([{ content, etag }], path);
  writeFileSync(`${path}.part`, noise(1000, 3));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: `${server.url}/file`, etag }));
  await run();
  expectWhole(path);
  expect(notes.join('\n')).toMatch(/put together from parts is wrong .*: starting anew/);
});

it('starts anew, and says so, where the server tells nothing to know the file by', async () => {
  const { path, server, notes, run } = await download([{ content, cutAfter: 70_000 }, { content }]);
  await run();
  expectWhole(path);
  expect(server.requests[1]?.headers.range).toBeUndefined();
  expect(notes).toContain('nothing tells whether the file there is still the same: starting anew');
});

it('takes nothing from a partial file of unknown or other origin', async () => {
  const path = join(newFolder(), 'file');
  const { server, run } = await download([{ content, etag }], path);
  writeFileSync(`${path}.part`, noise(1000, 3));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: 'http://other.example/file', etag }));
  await run();
  expectWhole(path);
  expect(server.requests[0]?.headers.range).toBeUndefined();
});

it('asks for nothing if the partial file is whole, and starts anew if it is longer than the file', async () => {
  const path = join(newFolder(), 'file');
  const { server, run } = await download([{ content, etag }], path);
  writeFileSync(`${path}.part`, content);
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: `${server.url}/file`, etag }));
  await run();
  expectWhole(path);
  expect(server.requests).toHaveLength(0);
});

it('starts anew where a server that no one told the size of answers 416', async () => {
  const path = join(newFolder(), 'file');
  const server = await newServer((request, response) => serveFile(request, response, { content, etag }));
  writeFileSync(`${path}.part`, noise(400_000, 3));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: `${server.url}/file`, etag }));
  const notes: string[] = [];
  await downloadFile(
    `${server.url}/file`,
    path,
    { ...right, bytes: null },
    { onNote: (line) => notes.push(line) },
  );
  expectWhole(path);
  expect(notes.join()).toMatch(/shorter than what is here: starting anew/);
});

it('refuses wrong bytes, and keeps none of them', async () => {
  const { path, run } = await download([{ content: noise(content.length, 2), etag }]);
  expect(await userMessage(run)).toMatch(
    /\/file: what came is not the file that it should be, expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}: fetch again/,
  );
  expect(existsSync(path)).toBe(false);
  expect(existsSync(`${path}.part`)).toBe(false);
});

it('falls back on weaker checksums where no better one is known', async () => {
  for (const algorithm of ['sha1', 'md5'] as const) {
    const expected = { bytes: null, [algorithm]: digest(algorithm, content) };
    const good = await download([{ content, etag }], undefined, expected as never);
    await good.run();
    expectWhole(good.path);
    const bad = await download([{ content: noise(9), etag }], undefined, expected as never);
    expect(await userMessage(bad.run)).toMatch(new RegExp(`expected ${algorithm} `));
  }
});

it('refuses a file of another length before it is downloaded', async () => {
  const { path, progress, run } = await download([{ content: content.subarray(1), etag }]);
  expect(await userMessage(run)).toMatch(
    /expected 300000 bytes, the server has 299999: the file has changed there/,
  );
  expect(progress).toEqual([]);
  expect(existsSync(`${path}.part`)).toBe(false);
});

it('stops a body that does not end where it should, whatever length it did not tell', async () => {
  const server = await newServer((_, response) => {
    response.writeHead(200, { etag });
    response.write(content);
    response.end('more');
  });
  const path = join(newFolder(), 'file');
  const run = (): Promise<void> => downloadFile(`${server.url}/file`, path, right, { patience: impatient });
  expect(await userMessage(run)).toMatch(/expected 300000 bytes, more came/);
  expect(existsSync(`${path}.part`)).toBe(false);
});

it('takes a body that ends early for a cut connection', async () => {
  const server = await newServer((request, response, number) => {
    if (number > 0) serveFile(request, response, { content, etag });
    else response.writeHead(200, { etag }).end(content.subarray(0, 5));
  });
  const path = join(newFolder(), 'file');
  await downloadFile(`${server.url}/file`, path, right, { patience: impatient });
  expectWhole(path);
  expect(server.requests[1]?.headers.range).toBe('bytes=5-');
});

it('gives up on a server that always cuts, and keeps what came', async () => {
  const { path, server, run } = await download([{ content, etag, cutAfter: 0 }]);
  expect(await userMessage(run)).toMatch(/connection lost \(ECONNRESET\), 3 times on end: try again later$/);
  expect(server.requests).toHaveLength(3);
  const second = await download(
    [
      { content, etag, cutAfter: 1000 },
      { content, etag, cutAfter: 0 },
    ],
    path,
  );
  expect(await userMessage(second.run)).toMatch(
    /\(1000 bytes are kept: the same command goes on from there\)$/,
  );
});

it('makes headway on a server that cuts every connection after a few bytes, whether by an end or a reset', async () => {
  const small = content.subarray(0, 3000);
  const server = await newServer((request, response, number) => {
    serveFile(request, response, { content: small, etag, cutAfter: 200 });
    if (number % 2 === 0) setTimeout(() => request.socket.resetAndDestroy(), 5);
  });
  const path = join(newFolder(), 'file');
  const expected = { bytes: small.length, sha256: digest('sha256', small) };
  await downloadFile(`${server.url}/file`, path, expected, { patience: impatient });
  expect(readFileSync(path).equals(small)).toBe(true);
  expect(server.requests.length).toBeGreaterThanOrEqual(15);
});

it('takes a stalled connection up again, in the body and before it', async () => {
  const server = await newServer((request, response, number) => {
    if (number === 0) return;
    serveFile(request, response, { content, etag, ...(number === 1 && { stallAfter: 1000 }) });
  });
  const path = join(newFolder(), 'file');
  const notes: string[] = [];
  await downloadFile(`${server.url}/file`, path, right, {
    patience: impatient,
    onNote: (line) => notes.push(line),
  });
  expectWhole(path);
  expect(notes.filter((line) => /nothing came for 0\.3 s: trying again/.test(line))).toHaveLength(2);
});

it.each([500, 502, 503, 504, 429])('tries again after %i', async (status) => {
  const server = await newServer((request, response, number) => {
    if (number === 0) response.writeHead(status).end('busy');
    else serveFile(request, response, { content, etag });
  });
  const path = join(newFolder(), 'file');
  await downloadFile(`${server.url}/file`, path, right, { patience: impatient });
  expectWhole(path);
  expect(server.requests).toHaveLength(2);
});

it.each<[number, RegExp]>([
  [404, /answers 404: the file is no longer there; see datasets\/README\.md/],
  [403, /answers 403: the server refuses/],
  [206, /answers 206: the server refuses/],
])('says at once what %i means', async (status, message) => {
  const server = await newServer((_, response) => void response.writeHead(status).end());
  const path = join(newFolder(), 'file');
  expect(await userMessage(() => downloadFile(`${server.url}/file`, path, right))).toMatch(message);
  expect(server.requests).toHaveLength(1);
});

it('says after some tries that the server does not recover', async () => {
  const server = await newServer((_, response) => void response.writeHead(503).end());
  const path = join(newFolder(), 'file');
  const run = (): Promise<void> => downloadFile(`${server.url}/file`, path, right, { patience: impatient });
  expect(await userMessage(run)).toMatch(/the server answers 503, 3 times on end: try again later$/);
});

it('follows redirects, also relative ones', async () => {
  const server = await newServer((request, response) => {
    if (request.url === '/file') response.writeHead(302, { location: 'there/file' }).end();
    else if (request.url === '/there/file') response.writeHead(308, { location: '/at/last' }).end();
    else serveFile(request, response, { content, etag });
  });
  const path = join(newFolder(), 'file');
  await downloadFile(`${server.url}/file`, path, right);
  expectWhole(path);
});

it.each<[string | undefined, RegExp]>([
  ['file:///etc/passwd', /redirects to file:\/\/\/etc\/passwd, which is not http or https/],
  ['ftp://127.0.0.1/file', /redirects to ftp:\/\/127\.0\.0\.1\/file, which is not http or https/],
  ['/file', /more than 10 redirects/],
  ['http://', /redirects \(301\) without saying where to/],
  [undefined, /redirects \(301\) without saying where to/],
])('does not follow a redirect to %s', async (location, message) => {
  const server = await newServer(
    (_, response) => void response.writeHead(301, location === undefined ? {} : { location }).end(),
  );
  const path = join(newFolder(), 'file');
  expect(await userMessage(() => downloadFile(`${server.url}/file`, path, right))).toMatch(message);
  expect(existsSync(`${path}.part`)).toBe(false);
});

it('says what to do without a network', async () => {
  const path = join(newFolder(), 'file');
  const message = await userMessage(() => downloadFile('http://127.0.0.1:1/file', path, right));
  expect(message).toBe(
    `http://127.0.0.1:1/file: cannot reach 127.0.0.1:1 (ECONNREFUSED): see to the network and run it again, or get the file elsewhere and put it at ${path}`,
  );
  const unknown = await userMessage(() => downloadFile('http://nowhere.invalid/file', path, right));
  expect(unknown).toMatch(/cannot reach nowhere\.invalid \((ENOTFOUND|EAI_AGAIN)\)/);
});

it('does not take what is not HTTP for a file', async () => {
  const path = join(newFolder(), 'file');
  const server = await newServer((request) => void request.socket.end('SSH-2.0-OpenSSH\r\n'));
  const run = (): Promise<void> => downloadFile(`${server.url}/file`, path, right, { patience: impatient });
  expect(await userMessage(run)).toMatch(/connection lost \(HPE_/);
});

it('ends at once when it is told to, with what came kept, and goes on later', async () => {
  const { path, server, run } = await download([{ content, etag }]);
  const stalling = await newServer((request, response) =>
    serveFile(request, response, { content, etag, stallAfter: 5000 }),
  );
  const controller = new AbortController();
  const stopped = downloadFile(`${stalling.url}/file`, path, right, {
    signal: controller.signal,
    onProgress: (done) => done >= 5000 && controller.abort(),
  });
  await expect(stopped).rejects.toThrow('aborted');
  expect(readFileSync(`${path}.part`).equals(content.subarray(0, 5000))).toBe(true);
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: `${server.url}/file`, etag }));
  await run();
  expectWhole(path);
  expect(server.requests[0]?.headers.range).toBe('bytes=5000-');
});

it('leaves a full disk to be told as what it is', async () => {
  const path = join(newFolder(), 'file');
  const { server, run } = await download([{ content, etag }], path);
  symlinkSync('/dev/full', `${path}.part`);
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: `${server.url}/file`, etag }));
  await expect(run()).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' });
});

it('refuses a file that lies there already and is another', async () => {
  const path = join(newFolder(), 'file');
  writeFileSync(path, 'mine');
  const { run } = await download([{ content, etag }], path);
  expect(await userMessage(run)).toBe(`${path}: expected 300000 bytes, found 4: remove it and fetch again`);
  expect(readFileSync(path, 'utf8')).toBe('mine');
});

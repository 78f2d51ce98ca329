import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serveReport, type ReportServer } from '../../src/report/serve.js';
import { epochsOf, writeRun } from './folders.js';

const onDefect = (error: unknown): never => {
  throw error;
};
let folder: string;
let server: ReportServer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-serve-'));
  server = await serveReport(folder, { title: 'live', port: 0, milliseconds: 20, onDefect });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The raw path, which fetch would tidy up. */
function ask(path: string, { method = 'GET', url = server.url, host = new URL(url).host } = {}) {
  return new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(url);
      const asked = request({ hostname, port, path, method, headers: { host } }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }));
      });
      asked.on('error', reject);
      asked.end();
    },
  );
}

it('listens on this machine alone and gives nothing but its page', async () => {
  expect(new URL(server.url).hostname).toBe('127.0.0.1');
  const { status, text, headers } = await ask('/');
  expect(status).toBe(200);
  expect(text).toContain('Waiting for runs.');
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; .*script-src 'sha256-/);
  for (const path of [
    '/../../etc/passwd',
    '/%2e%2e/etc/passwd',
    '//etc/passwd',
    '/config.yaml',
    '/?x',
    '/index.html',
  ])
    expect((await ask(path)).status).toBe(404);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    expect((await ask('/', { method })).status).toBe(405);
});

it('refuses hosts that a page from elsewhere would name', async () => {
  const { port } = new URL(server.url);
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    `127.0.0.1.evil.example:${port}`,
  ]) {
    for (const path of ['/', '/events']) expect((await ask(path, { host })).status).toBe(403);
  }
  expect((await ask('/', { host: `localhost:${port}` })).status).toBe(200);
});

it('tells when a run has appeared or written something, and shows it', async () => {
  const events = (await fetch(`${server.url}events`)).body!.pipeThrough(new TextDecoderStream()).getReader();
  const next = async (): Promise<void> => {
    for (;;) {
      const { value, done } = await events.read();
      if (done) throw new Error('the stream has ended');
      if (value.includes('data: changed')) return;
    }
  };
  const shown = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test((await ask('/')).text)) await next();
  };
  writeRun(join(folder, 'run'), { status: 'open' });
  await shown(/epoch 1 of 3, begun <span data-since="2026-01-02T03:04:05.678Z">/);
  writeRun(join(folder, 'run'), { status: 'open', epochs: epochsOf([0.5]) });
  await shown(/epoch 2 of 3, begun .*the last epoch took 12.0 s/s);
  writeRun(join(folder, 'run'), { epochs: epochsOf([0.5, 0.6, 0.7]) });
  await shown(/finished/);
  rmSync(folder, { recursive: true });
  await shown(/cannot read the folder/);
  await events.cancel();
});

it('says so if the port is taken or the folder is not there', async () => {
  const port = Number(new URL(server.url).port);
  await expect(serveReport(folder, { title: '', port, onDefect })).rejects.toThrow(`port ${port} is taken`);
  await expect(serveReport(join(folder, 'none'), { title: '', port: 0, onDefect })).rejects.toThrow(
    /none: cannot read/,
  );
});

it('tells of what keeps it from making the page, here and there', async () => {
  const defects: unknown[] = [];
  const title = {} as string;
  const broken = await serveReport(folder, { title, port: 0, onDefect: (error) => void defects.push(error) });
  const { status, text } = await ask('/', { url: broken.url });
  await broken.close();
  expect(status).toBe(500);
  expect(defects).toEqual([expect.any(TypeError)]);
  expect(text).toBe(`the page cannot be made: ${(defects[0] as Error).message}\n`);
});

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.js';
import { describeReaders, testPython } from '../support/python.js';
import { trainedRun } from './run.js';

/** For what a page takes on a busy machine. */
const waiting = { timeout: 60_000 };

describeReaders('TensorBoard’s page', () => {
  let runs: string;
  let names: string[];
  let server: ChildProcess;
  let url: string;
  let browser: Browser | undefined;
  beforeAll(async () => {
    runs = mkdtempSync(join(tmpdir(), 'locallearn-tensorboard-'));
    names = [];
    for (const method of ['{ method: bp }', '{ method: auglocal, blocks: 4, depth: 1 }']) {
      names.push(basename(await trainedRun(runs, method)));
    }
    const args = ['--logdir', runs, '--host', '127.0.0.1', '--port', '0', '--load_fast', 'false'];
    server = spawn(testPython, ['-m', 'tensorboard.main', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    url = await addressOf(server);
    if (chromiumPath !== undefined) browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill();
    await ended;
    rmSync(runs, { recursive: true });
  });

  it('lists both runs and their tags', async () => {
    const tags = (await (await fetch(`${url}data/plugin/scalars/tags`)).json()) as Record<string, object>;
    expect(Object.keys(tags).sort()).toEqual([...names].sort());
    for (const name of names) expect(Object.keys(tags[name]!)).toContain('accuracy/test');
  });

  it.skipIf(chromiumPath === undefined)('has both runs in its charts', async () => {
    const page = await browser!.newPage({ viewport: { width: 1400, height: 1000 } });
    await page.goto(`${url}#scalars`);
    for (const text of [...names, 'accuracy', 'loss', 'memory_MB', 'update_loss']) {
      await page.getByText(text, { exact: true }).first().waitFor(waiting);
    }
    const accuracy = page.locator('tf-scalar-card', { hasText: 'tag: accuracy/test' });
    // A run's smoothed line and its own, three epochs each, in the run's colour.
    const lines = async (): Promise<(readonly [colour: string | null, points: number])[]> => {
      const found = await accuracy.locator('path.line').all();
      return Promise.all(
        found.map(
          async (line) =>
            [await line.getAttribute('stroke'), (await line.getAttribute('d'))!.split('L').length] as const,
        ),
      );
    };
    await expect.poll(async () => (await lines()).map(([, points]) => points), waiting).toEqual([3, 3, 3, 3]);
    expect(new Set((await lines()).map(([colour]) => colour)).size).toBe(2);
    const picture = process.env['LOCALLEARN_TENSORBOARD_PNG'];
    if (picture !== undefined) await page.screenshot({ path: picture });
  });
});

/** Where the server says that it listens. */
function addressOf({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stderr!.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0];
      if (address !== undefined) resolve(address);
    });
    stderr!.on('end', () => reject(new Error(text)));
  });
}

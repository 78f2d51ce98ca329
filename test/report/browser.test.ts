import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { page as reportPage } from '../../src/report/page.js';
import { readReport } from '../../src/report/read-report.js';
import { serveReport } from '../../src/report/serve.js';
import { chromiumPath, launchChromium } from '../support/chromium.js';
import { epochsOf, writeRun } from './folders.js';
import { writeSample } from './sample.js';

it.runIf(process.env['CI'] === 'true')('is there', () => expect(chromiumPath).toBeDefined());

describe.skipIf(chromiumPath === undefined)('in Chromium (skipped where "chromium" is not installed)', () => {
  let folder: string;
  let browser: Browser;
  let file: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locallearn-browser-'));
    const runs = join(folder, 'runs');
    writeSample(runs);
    file = join(folder, 'report.html');
    writeFileSync(file, await reportPage(readReport([runs]), { title: 'a <report>', now: new Date() }));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens an address; `complaints` gets what the page logs, and what it asks for beyond itself. */
  async function open(url: string, width: number, colorScheme: 'light' | 'dark') {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    const opened = await context.newPage();
    const complaints: string[] = [];
    opened.on('console', (message) => complaints.push(message.text()));
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('request', (request) => {
      if (!request.url().startsWith(url)) complaints.push(request.url());
    });
    await opened.goto(url);
    return { opened, complaints, close: () => context.close() };
  }

  describe.each([1280, 390])('%i pixels wide', (width) => {
    it.each(['light', 'dark'] as const)('is whole and legible in %s', async (scheme) => {
      const { opened, complaints, close } = await open(pathToFileURL(file).href, width, scheme);
      const seen = await look(opened);
      expect(seen.scrollWidth).toBeLessThanOrEqual(width);
      expect(seen.cutOff).toEqual([]);
      expect(seen.plots).toHaveLength(11);
      for (const plot of seen.plots) {
        expect(plot.width).toBeGreaterThan(300);
        expect(plot.height).toBeGreaterThan(200);
        expect(plot.smallestText).toBeGreaterThanOrEqual(11);
        expect(plot.points).toBeGreaterThan(0);
        expect(plot.leastContrast).toBeGreaterThan(4.5);
      }
      expect(seen.dark).toBe(scheme === 'dark');
      expect(seen.harmed).toBe(false);
      expect(complaints).toEqual([]);
      await close();
    });
  });

  it('is light on paper, with all configs open and nothing cut off', async () => {
    const { opened, close } = await open(pathToFileURL(file).href, 680, 'dark');
    await opened.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const seen = await look(opened);
    expect(seen.scrollWidth).toBeLessThanOrEqual(680);
    expect(seen.cutOff).toEqual([]);
    expect(seen.dark).toBe(false);
    expect(seen.plots).toHaveLength(11);
    expect(seen.hiddenConfigs).toBe(0);
    const pdf = await opened.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await close();
  });

  it('saves a figure as SVG and PNG in the colours of paper, and its numbers as CSV', async () => {
    const { opened, complaints, close } = await open(pathToFileURL(file).href, 390, 'dark');
    const figure = opened.locator('figure', { hasText: 'Peak memory of each update' });
    const save = async (selector: string): Promise<{ name: string; bytes: Buffer }> => {
      const [download] = await Promise.all([
        opened.waitForEvent('download'),
        figure.locator(selector).click(),
      ]);
      return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
    };
    const svg = await save('button[data-save=svg]');
    expect(svg.name).toBe('peak-memory-of-each-update.svg');
    const drawn = svg.bytes.toString();
    expect(/var\(|color-mix|system-ui/.exec(drawn)?.[0]).toBeUndefined();
    // The legend's names, the axis and a line in the colour that it has on paper.
    for (const text of ['&lt;script&gt;', '>peak memory, MB<', 'stroke="#b0488a"'])
      expect(drawn).toContain(text);
    const png = await save('button[data-save=png]');
    expect(png.bytes.subarray(1, 4).toString()).toBe('PNG');
    const [, width = ''] = /<svg[^>]* width="(\d+)"/.exec(drawn)!;
    expect(png.bytes.readUInt32BE(16)).toBe(4 * Number(width));
    const csv = await save('a[download]');
    expect(csv.name).toBe('peak-memory-of-each-update.csv');
    expect(csv.bytes.toString()).toContain(',block 31,120\n');
    expect(complaints.filter((text) => !/^(blob|data):/.test(text))).toEqual([]);
    await close();
  });

  it('compares methods one below the other on a phone, quantity by quantity', async () => {
    const { opened, close } = await open(pathToFileURL(file).href, 390, 'light');
    const cells = opened.locator('table.lists').first().locator('[style="order: 3"]');
    const boxes = await Promise.all((await cells.all()).map((cell) => cell.boundingBox()));
    expect(boxes.length).toBeGreaterThan(3);
    for (const [i, box] of boxes.entries()) {
      expect(box!.x + box!.width).toBeLessThanOrEqual(390);
      if (i > 0) expect(box!.y).toBeCloseTo(boxes[i - 1]!.y + boxes[i - 1]!.height, 0);
    }
    await close();
  });

  it('changes before the eyes while a run goes on', async () => {
    const live = join(folder, 'live');
    writeRun(join(live, 'run'), { status: 'open' });
    const onDefect = (error: unknown): never => {
      throw error;
    };
    const server = await serveReport(live, { title: 'live', port: 0, milliseconds: 20, onDefect });
    const { opened, complaints, close } = await open(server.url, 390, 'light');
    await opened.getByText('No epoch is finished yet.').waitFor();
    await opened.getByText(/epoch 1 of 3, begun \d+:\d\d:\d\d ago/).waitFor();
    await opened.locator('summary').click();
    writeRun(join(live, 'run'), { status: 'open', epochs: epochsOf([0.5]) });
    await opened.getByText(/epoch 2 of 3/).waitFor();
    expect(await opened.locator('figure').count()).toBeGreaterThan(0);
    expect(await opened.locator('details').getAttribute('open')).not.toBeNull();
    await server.close();
    await opened.locator('body[data-lost*=lost]').waitFor();
    expect(complaints.filter((text) => !text.includes('ERR_'))).toEqual([]);
    await close();
  });
});

interface Seen {
  readonly scrollWidth: number;
  /** Boxes that end beyond the window's right edge. */
  readonly cutOff: readonly string[];
  readonly dark: boolean;
  /** Whether text of a run became markup or ran. */
  readonly harmed: boolean;
  readonly hiddenConfigs: number;
  readonly plots: readonly {
    readonly width: number;
    readonly height: number;
    /** In pixels as shown. */
    readonly smallestText: number;
    readonly points: number;
    readonly leastContrast: number;
  }[];
}

const lookScript = readFileSync(join(import.meta.dirname, 'look.js'), 'utf8');

function look(opened: Page): Promise<Seen> {
  return opened.evaluate(lookScript);
}

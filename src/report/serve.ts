import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readdirSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { isSystemError, messageOf, UserError } from '../core/errors.js';
import { findRunFolders } from '../runs/find.js';
import { livePolicy, liveScript } from './live.js';
import { page } from './page.js';
import { readReport } from './read-report.js';

export interface ServeOptions {
  readonly title: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Between looks at the folder. */
  readonly milliseconds?: number;
  /** Told of what kept the server from an answer, which is no fault of the folder's. */
  readonly onDefect: (error: unknown) => void;
}

export interface ReportServer {
  readonly url: string;
  close(): Promise<void>;
}

const host = '127.0.0.1';

/**
 * Serves the report of a folder, live, to this machine alone: one page and a stream that tells when it has changed.
 * Nothing of a request becomes part of a path. Throws a UserError if the folder can't be read or the port is taken.
 */
export async function serveReport(
  folder: string,
  { title, port, milliseconds = 1000, onDefect }: ServeOptions,
): Promise<ReportServer> {
  let seen = fingerprint(folder);
  let built: { of: string; text: Promise<string> } | undefined;
  const listeners = new Set<ServerResponse>();

  /** The page as of the last look; made once for each state of the folder. */
  const current = (): Promise<string> => {
    if (built?.of !== seen) built = { of: seen, text: build(folder, title) };
    return built.text;
  };
  const look = (): void => {
    const now = fingerprintOrProblem(folder);
    if (now === seen) return;
    seen = now;
    for (const listener of listeners) listener.write('data: changed\n\n');
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      onDefect(error);
      if (response.headersSent) response.destroy();
      else refuse(response, 500, `the page cannot be made: ${messageOf(error)}`);
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { port: own } = server.address() as AddressInfo;
    // A page from elsewhere can point a name of its own at this address; its requests name that host.
    const hosts = [`${host}:${own}`, `localhost:${own}`];
    if (!hosts.includes(request.headers.host ?? '')) return refuse(response, 403, 'unknown host');
    if (request.method !== 'GET') {
      response.setHeader('Allow', 'GET');
      return refuse(response, 405, 'GET only');
    }
    switch (request.url ?? '') {
      case '/': {
        const text = await current();
        response.writeHead(200, {
          ...headers,
          'Content-Type': 'text/html; charset=utf-8',
          'Content-Security-Policy': livePolicy,
        });
        response.end(text);
        return;
      }
      case '/events':
        response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' });
        response.write(': open\n\n');
        listeners.add(response);
        response.on('close', () => listeners.delete(response));
        return;
      default:
        return refuse(response, 404, 'not found');
    }
  };
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(
        error.code === 'EADDRINUSE'
          ? new UserError(`port ${port} is taken; choose another with --port, or 0 for any`)
          : error,
      );
    server.on('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError).on('error', onDefect);
      resolve();
    });
  });
  const timer = setInterval(look, milliseconds);
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/`,
    close: () => {
      clearInterval(timer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

const headers = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...headers, 'Content-Type': 'text/plain' });
  response.end(`${why}\n`);
}

/** The page, or one that says why there is none, as while a folder is moved. */
async function build(folder: string, title: string): Promise<string> {
  const options = { title, now: new Date(), script: liveScript };
  try {
    return await page(readReport([folder]), options);
  } catch (error) {
    if (!isOfTheFolder(error)) throw error;
    return page({ runs: [], unreadable: [{ folder, message: messageOf(error) }] }, options);
  }
}

/** The files that a report is made of. */
const files = /^(config\.yaml|metrics\.csv|log\.jsonl|(summary|evaluation|probe|cka-.*)\.json)$/;

/** Other text whenever a run has appeared, gone or written something. Throws a UserError if the folder can't be read. */
function fingerprint(folder: string): string {
  return findRunFolders([folder])
    .flatMap((run) => [
      run,
      ...readdirSync(run)
        .filter((name) => files.test(name))
        .map((name) => {
          const stat = statSync(join(run, name), { throwIfNoEntry: false });
          return `${name} ${stat?.mtimeMs} ${stat?.size}`;
        }),
    ])
    .join('\n');
}

function fingerprintOrProblem(folder: string): string {
  try {
    return fingerprint(folder);
  } catch (error) {
    if (!isOfTheFolder(error)) throw error;
    return messageOf(error);
  }
}

/** Whether the folder's files are at fault: one may be gone between two looks. */
function isOfTheFolder(error: unknown): boolean {
  return error instanceof UserError || isSystemError(error);
}

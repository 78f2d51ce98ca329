import { get as getHttp, type IncomingMessage } from 'node:http';
import { on } from 'node:events';
import { get as getHttps } from 'node:https';
import { UserError } from '../../core/errors.js';

/** A connection was cut or stalled: trying again may help. */
export class ConnectionLost extends Error {
  override readonly name: string = 'ConnectionLost';
  constructor(
    message: string,
    /** How long the server asks to wait. */
    readonly waitSeconds = 0,
  ) {
    super(message);
  }
}

/** There is no connection to be had at all. */
export class Unreachable extends ConnectionLost {
  override readonly name = 'Unreachable';
}

export interface RequestOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** A connection over which nothing comes for so long is given up. */
  readonly stallSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** A response whose body is read as it comes, byte by byte as the server sends it: no content coding is undone. */
export interface Response {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** @throws ConnectionLost if it ends early */
  body(): AsyncIterable<Buffer>;
  /** Gives up what has not been read. */
  close(): void;
}

const mostRedirects = 10;

/**
 * A GET request that follows redirects to other http(s) addresses.
 * @throws ConnectionLost if there is no connection, or it is cut or stalls
 * @throws UserError if the server's certificate is not to be trusted, or redirects lead astray
 */
export async function request(url: string, options: RequestOptions): Promise<Response> {
  let address = new URL(url);
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const response = await requestOnce(address, options);
    const { status, headers } = response;
    if (![301, 302, 303, 307, 308].includes(status)) return response;
    response.close();
    if (headers.location === undefined || !URL.canParse(headers.location, address.href)) {
      throw new UserError(`${address.href}: the server redirects (${status}) without saying where to`);
    }
    address = new URL(headers.location, address);
    if (address.protocol !== 'http:' && address.protocol !== 'https:') {
      throw new UserError(`${url}: the server redirects to ${address.href}, which is not http or https`);
    }
  }
  throw new UserError(`${url}: more than ${mostRedirects} redirects, the last to ${address.href}`);
}

function requestOnce(address: URL, { headers, stallSeconds, signal }: RequestOptions): Promise<Response> {
  return new Promise((resolve, reject) => {
    let stalled: ConnectionLost | undefined;
    const explain = (error: unknown): unknown => {
      if (signal?.aborted) return signal.reason;
      return stalled ?? explained(error as NodeJS.ErrnoException, address);
    };
    // Without an agent each connection is its own and ends with its response.
    const settings = { headers, agent: false, ...(signal && { signal }) };
    const outgoing = address.protocol === 'https:' ? getHttps(address, settings) : getHttp(address, settings);
    const timer = setTimeout(() => {
      stalled = new ConnectionLost(`nothing came for ${stallSeconds} s`);
      outgoing.destroy(stalled);
    }, 1000 * stallSeconds);
    outgoing.on('close', () => clearTimeout(timer));
    outgoing.on('error', (error) => reject(explain(error) as Error));
    outgoing.on('response', (incoming) => {
      // Listened to from the start: what has come is not lost when the connection is cut before it is read.
      const events = on(incoming, 'data', { close: ['end'], highWaterMark: 16, lowWaterMark: 4 });
      incoming.on('data', () => timer.refresh());
      async function* body(): AsyncGenerator<Buffer> {
        try {
          for await (const [chunk] of events as AsyncIterable<[Buffer]>) yield chunk;
        } catch (error) {
          throw explain(error);
        }
      }
      const close = (): void => void outgoing.destroy();
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body, close });
    });
  });
}

/** Of a machine or a network without a way to the server. */
const unreachable = ['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'ECONNREFUSED'];
/** Of a connection that was there. */
const cut = ['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'];

function explained(error: NodeJS.ErrnoException, { host, href }: URL): Error {
  const code = error.code ?? '';
  if (unreachable.includes(code)) return new Unreachable(`cannot reach ${host} (${code})`);
  // HPE: what came is not HTTP.
  if (cut.includes(code) || code.startsWith('HPE_')) return new ConnectionLost(`connection lost (${code})`);
  return new UserError(`${href}: ${error.message}`);
}

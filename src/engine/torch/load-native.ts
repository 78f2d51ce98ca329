import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { messageOf, UserError } from '../../core/errors.js';
import type { Native } from './native.js';

// The same path from src/ (tests) and from dist/: both lie three folders above.
const addonPath = fileURLToPath(new URL('../../../native/build/locallearn.node', import.meta.url));
// Written by scripts/build-native.mjs.
const recordPath = fileURLToPath(new URL('../../../native/build/build.json', import.meta.url));

export type NativeStatus =
  | { readonly available: true; readonly native: Native }
  /** One line: why not, without what to do. */
  | { readonly available: false; readonly reason: string };

let status: NativeStatus | undefined;

/** Whether the bridge to libtorch was built and loads on this machine. Tried once in the life of the process. */
export function nativeStatus(): NativeStatus {
  status ??= tryLoading();
  return status;
}

/**
 * The bridge to libtorch.
 * @throws UserError where it was not built or does not load.
 */
export function loadNative(): Native {
  const current = nativeStatus();
  if (current.available) return current.native;
  throw new UserError(`no torch engine: ${current.reason}; run "npx locallearn setup"`);
}

/** Which libtorch the bridge was built with, and where that was found; undefined where it was not built. */
export function nativeSource(): string | undefined {
  if (!existsSync(recordPath)) return undefined;
  const { libtorch } = JSON.parse(readFileSync(recordPath, 'utf8')) as {
    readonly libtorch: { readonly version: string; readonly source: string };
  };
  return `libtorch ${libtorch.version} (${libtorch.source})`;
}

function tryLoading(): NativeStatus {
  if (!existsSync(addonPath))
    return { available: false, reason: 'native/build/locallearn.node was not built' };
  // Waiting threads of libgomp spin by default: a step is a few per cent faster on idle cores, and ten times slower
  // as soon as anything else wants one. It reads this once, when it is loaded.
  process.env['OMP_WAIT_POLICY'] ??= 'passive';
  try {
    return { available: true, native: createRequire(import.meta.url)(addonPath) as Native };
  } catch (error) {
    const [reason = 'unknown reason'] = messageOf(error).split('\n');
    return { available: false, reason: `native/build/locallearn.node does not load (${reason})` };
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, UserError } from '../../core/errors.js';
import type { Native } from './native.js';

// The same from src/ (tests) and from dist/.
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The bridge as a package of its own, for machines without a compiler: scripts/prebuilt-bridge.mjs. */
const prebuilt = `@locallearn/torch-${process.platform}-${process.arch}-cpu`;

/**
 * Where the bridge may be; the first that has it counts. The package of a bridge lies below this one or beside it.
 * LOCALLEARN_BRIDGE names another build, and then no other is looked at.
 */
const folders = process.env['LOCALLEARN_BRIDGE']
  ? [resolve(process.env['LOCALLEARN_BRIDGE'])]
  : ['native/build', `node_modules/${prebuilt}`, `../${prebuilt}`].map((path) => join(root, path));

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

/** Which libtorch the bridge was built with, and why. */
export interface NativeSource {
  /** Its version, and where it was found. */
  readonly libtorch: string;
  /** The folder of the bridge. */
  readonly bridge: string;
  /** Why not one of those that are looked for before it, a line each. */
  readonly passedOver: readonly string[];
}

/** Of the bridge that is used; undefined where there is none. */
export function nativeSource(): NativeSource | undefined {
  const folder = bridgeFolder();
  if (folder === undefined) return undefined;
  // Written by scripts/build-native.mjs, before 0.2 without `passedOver`.
  const { libtorch, passedOver = [] } = JSON.parse(readFileSync(join(folder, 'build.json'), 'utf8')) as {
    readonly libtorch: { readonly version: string; readonly source: string };
    readonly passedOver?: readonly string[];
  };
  return { libtorch: `libtorch ${libtorch.version} (${libtorch.source})`, bridge: shown(folder), passedOver };
}

const addon = 'locallearn.node';

const bridgeFolder = (): string | undefined => folders.find((folder) => existsSync(join(folder, addon)));

/** From the package's folder, where it is in there. */
function shown(path: string): string {
  const near = relative(root, path);
  return near.startsWith('..') ? path : near;
}

/** What a bridge built of this package's sources offers. */
function neededOperators(): readonly string[] {
  const list = readFileSync(join(root, 'native/bridge/offered.h'), 'utf8');
  return [...list.matchAll(/^ +"(\w+::[\w.]+)",$/gm)].map(([, name]) => name!);
}

/**
 * How threads wait for one another between two kernels, which libgomp reads once, when it is loaded. By default they spin
 * for milliseconds: as soon as anything else wants a core a step takes several times as long. If they slept at once, to wake
 * them would take a fifth of a step of 16 images. So they spin for some ten microseconds, about as long as it takes from
 * one kernel to the next (docs/engines.md). Whoever has set either variable knows better.
 */
function setWaiting(environment: NodeJS.ProcessEnv): void {
  if (environment['OMP_WAIT_POLICY'] !== undefined || environment['GOMP_SPINCOUNT'] !== undefined) return;
  environment['OMP_WAIT_POLICY'] = 'passive';
  environment['GOMP_SPINCOUNT'] = '2000';
}

function tryLoading(): NativeStatus {
  const folder = bridgeFolder();
  if (folder === undefined) {
    return { available: false, reason: `${shown(join(folders[0]!, addon))} was not built` };
  }
  const path = join(folder, addon);
  setWaiting(process.env);
  try {
    const native = createRequire(import.meta.url)(path) as Native;
    // Of bridges of earlier versions nothing is known.
    const older = native as Partial<Native>;
    const lacking =
      neededOperators().find((name) => older.operators?.includes(name) !== true) ??
      (older.capture === undefined ? 'capture of steps' : undefined);
    if (lacking === undefined) return { available: true, native };
    return { available: false, reason: `${shown(path)} is of another version: it has no ${lacking}` };
  } catch (error) {
    const [reason = 'unknown reason'] = messageOf(error).split('\n');
    return { available: false, reason: `${shown(path)} does not load (${reason})` };
  }
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Engine } from '../../engine/engine.js';
import { messageOf, UserError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import { thisMachine } from '../../core/machine.js';
import { check, formatPath } from '../../core/schema-problems.js';
import { profileSchema, type StepProfile } from './profile.js';

const storeSchema = z.strictObject({
  /** For people who look into the file; the name of the file is made from it. */
  measuredOn: z.record(z.string(), z.unknown()),
  profiles: z.record(z.string(), profileSchema),
});

/** Profiles that were measured on this machine with one engine. */
export interface ProfileStore {
  readonly path: string;
  readonly get: (key: string) => StepProfile | undefined;
  /** Adds one, and writes all to disk. */
  readonly add: (key: string, profile: StepProfile) => void;
}

/** Where profiles are kept, as other programs keep what they can make again. */
function profileFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'];
  return join(cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'), 'locallearn');
}

/**
 * The profiles of this machine, this version and this engine.
 * @throws UserError if the file can't be read, or is not what `add` wrote
 */
export function openProfiles(engine: Pick<Engine, 'description'>, folder = profileFolder()): ProfileStore {
  const { cpu, cores, platform, node, locallearn } = thisMachine();
  const threads = process.env['OMP_NUM_THREADS'] ?? 'all';
  const measuredOn = { cpu, cores, platform, node, locallearn, engine: engine.description, threads };
  const name = createHash('sha256').update(JSON.stringify(measuredOn)).digest('hex').slice(0, 12);
  const path = join(folder, `steps-${name}.json`);
  let profiles = read(path);
  return {
    path,
    get: (key) => profiles[key],
    add(key, profile) {
      // Another process may have added to it.
      profiles = { ...read(path), [key]: profile };
      try {
        mkdirSync(dirname(path), { recursive: true });
        writeFileAtomic(path, `${JSON.stringify({ measuredOn, profiles }, null, 1)}\n`);
      } catch (error) {
        throw new UserError(`${path}: cannot keep what was measured: ${messageOf(error)}`);
      }
    },
  };
}

function read(path: string): Readonly<Record<string, StepProfile>> {
  if (!existsSync(path)) return {};
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path}: cannot read what was measured: ${messageOf(error)}; delete the file`);
  }
  const result = check(storeSchema, document);
  if ('value' in result) return result.value.profiles;
  const { path: place, message } = result.problems[0]!;
  throw new UserError(`${path}: ${formatPath(place)}: ${message}; delete the file`);
}

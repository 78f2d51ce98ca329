import { homedir } from 'node:os';
import { join } from 'node:path';

/** A path in which a leading `~/` stands for the home folder, as in a shell; `./~/` is a folder of that name. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

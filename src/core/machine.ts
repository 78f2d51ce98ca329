import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { z } from 'zod';
import { version } from './version.js';

export const machineSchema = z.object({
  /** The processor's name, as it gives it. */
  cpu: z.string(),
  /** That this process may use. */
  cores: z.int().min(1),
  memoryBytes: z.number().min(0),
  /** `Debian GNU/Linux 12 (bookworm)`, or what the system is called where it has no such name. */
  system: z.string(),
  /** `linux x64` */
  platform: z.string(),
  /** `v20.15.0` */
  node: z.string(),
  /** This library's version. */
  locallearn: z.string(),
});

/** The machine that numbers were measured on, and the programs that are not part of an engine's description. */
export type Machine = z.infer<typeof machineSchema>;

export function thisMachine(): Machine {
  const platform = `${process.platform} ${process.arch}`;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: systemName() ?? platform,
    platform,
    node: process.version,
    locallearn: version,
  };
}

function systemName(): string | undefined {
  let text: string;
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch (error) {
    // Other systems than Linux have no such file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(text)?.[1];
}

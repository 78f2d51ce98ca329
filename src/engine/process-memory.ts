import { readFileSync, writeFileSync } from 'node:fs';

/** The most that this process has had in memory at once, since `forgetProcessPeak`; undefined elsewhere than on Linux. */
export function processPeakBytes(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Has the peak begin anew, from what is in memory now, where the system lets a process do that. */
export function forgetProcessPeak(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch (error) {
    // Some containers mount /proc for reading alone: the peak is then that since the process began, which is said of it.
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}

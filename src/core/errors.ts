/**
 * An error that the user can mend: its message is one line that says what is wrong, where, and what to do.
 * The command line prints the message alone; every other error is a defect and keeps its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** Of the operating system: a full disk, a folder without permission. Its own words say what to mend. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * An error that the user can mend: its message is one line that says what is wrong, where, and what to do.
 * The command line prints the message alone; every other error is a defect and keeps its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

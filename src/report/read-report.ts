import { messageOf, UserError } from '../core/errors.js';
import { findRunFolders } from '../runs/find.js';
import { readRunRecord, type RunRecord } from './run-record.js';

/** What a report is made of. */
export interface ReportData {
  readonly runs: readonly RunRecord[];
  /** Run folders with a file that is not as a run leaves it. */
  readonly unreadable: readonly { readonly folder: string; readonly message: string }[];
}

/** Reads all runs that the folders are or hold. Throws a UserError if a folder can't be read. */
export function readReport(folders: readonly string[]): ReportData {
  const runs: RunRecord[] = [];
  const unreadable: { folder: string; message: string }[] = [];
  for (const folder of findRunFolders(folders)) {
    try {
      runs.push(readRunRecord(folder));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      unreadable.push({ folder, message: messageOf(error) });
    }
  }
  return { runs, unreadable };
}

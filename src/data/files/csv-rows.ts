import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { CsvError, parse, type Info } from 'csv-parse';
import { messageOf, UserError } from '../../core/errors.js';
import { isMissing } from '../../core/read.js';
import { missingAt, shown } from '../../core/shown.js';

/** Characters in a record; a quote that is never closed is found out here, not at the end of the file. */
const LONGEST_RECORD = 65_536;

/** One row: the fields of the columns asked for, in their order, and the line on which it ends. */
export interface CsvRow {
  readonly line: number;
  /** Undefined for an optional column that the file does not have. */
  readonly fields: readonly (string | undefined)[];
}

/**
 * Reads a CSV file with a header row by row: UTF-8 with or without a byte order mark, any line ends, quotes as RFC 4180,
 * blanks around fields and empty lines left out, columns in any order, others passed over.
 * @param each called for every row; what it throws ends the reading
 * @throws UserError with file and line for a column that is missing or twice there, rows of unequal length, wrong
 *   quotes, records beyond 65,536 characters, text that is not UTF-8, and a file that is missing or empty
 */
export async function readCsvRows(
  file: string,
  required: readonly string[],
  optional: readonly string[],
  help: string,
  each: (row: CsvRow) => void,
): Promise<void> {
  await checkFile(file, help);
  const parser = parse({
    bom: true,
    info: true,
    max_record_size: LONGEST_RECORD,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    trim: true,
  });
  let columns: number[] | undefined;
  const take = ({ record, info }: { record: string[]; info: Info }): void => {
    const line = info.lines;
    const garbled = record.find((field) => field.includes('\uFFFD'));
    if (garbled !== undefined) {
      throw new UserError(`${shown(file)}:${line}: not UTF-8 text, ${shown(garbled)}: save it as UTF-8`);
    }
    if (columns) each({ line, fields: columns.map((at) => record[at]) });
    else columns = findColumns(`${shown(file)}:${line}`, record, required, optional);
  };
  const source = createReadStream(file);
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const row of parser as AsyncIterable<{ record: string[]; info: Info }>) take(row);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof CsvError) throw new UserError(`${shown(file)}:${faultOf(error)}`);
    throw new UserError(`cannot read ${shown(file)}: ${shown(messageOf(error))}`);
  } finally {
    source.destroy();
  }
  if (!columns) throw new UserError(`${shown(file)} is empty: ${help}`);
}

async function checkFile(file: string, help: string): Promise<void> {
  let isFile: boolean;
  try {
    isFile = (await stat(file)).isFile();
  } catch (error) {
    if (isMissing(error)) throw new UserError(`${missingAt(file)}: ${help}`);
    throw new UserError(`cannot read ${shown(file)}: ${shown(messageOf(error))}`);
  }
  // A pipe or a device might never end.
  if (!isFile) throw new UserError(`${shown(file)} is no file: ${help}`);
}

/** Where the columns are; −1 for an optional one that is not there. */
function findColumns(
  where: string,
  header: readonly string[],
  required: readonly string[],
  optional: readonly string[],
): number[] {
  return [...required, ...optional].map((name) => {
    const at = header.indexOf(name);
    if (at < 0 && required.includes(name)) {
      const found = header.map((column) => (column === '' ? '""' : column)).join(', ');
      throw new UserError(`${where}: expected a header with the column ${name}, found ${shown(found)}`);
    }
    if (at >= 0 && header.includes(name, at + 1)) {
      throw new UserError(`${where}: the column ${name} is there twice: rename one`);
    }
    return at;
  });
}

const AFTER_QUOTE = 'text after a closing quote: double the quotes within a quoted field';

/** What csv-parse's errors mean, by their code. */
const FAULTS: Readonly<Record<string, string>> = {
  CSV_MAX_RECORD_SIZE: `a row of more than ${LONGEST_RECORD} characters: is a quote missing?`,
  CSV_QUOTE_NOT_CLOSED: 'the file ends within quotes',
  CSV_INVALID_CLOSING_QUOTE: AFTER_QUOTE,
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: AFTER_QUOTE,
  INVALID_OPENING_QUOTE: 'a quote within a field: put the whole field in quotes and double it',
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH:
    'expected as many fields as the header has: put a field with a comma in quotes',
};

function faultOf(error: CsvError): string {
  const { lines } = error as CsvError & { readonly lines?: unknown };
  return `${typeof lines === 'number' ? `${lines}:` : ''} ${FAULTS[error.code] ?? shown(error.message)}`;
}

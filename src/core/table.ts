import { z } from 'zod';
import { checkGiven } from './given.js';
/** Text cells under a header. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const cellsSchema = z.array(z.string());
const forms = { table: z.object({ header: cellsSchema, rows: z.array(cellsSchema) }) };

/**
 * Aligned columns for a terminal: the first to the left, numbers to the right. Where that is wider than the terminal,
 * each row becomes lines of its own, a column a line.
 *
 * @param table its cells
 * @param width in characters; by default the terminal's, where standard output is one
 * @returns the text, which ends with a line break
 */
export function textTable(table: Table, width = process.stdout.columns ?? Infinity): string {
  checkGiven('textTable', forms, { table });
  const { header, rows } = table;
  const widths = columnWidths([header, ...rows]);
  if (lineWidth(widths) > width) {
    const names = columnWidths(header.map((name) => [name]))[0] ?? 0;
    const record = (cells: readonly string[]): string =>
      header.map((name, i) => `${name.padEnd(names)}  ${cells[i] ?? ''}`.trimEnd() + '\n').join('');
    return rows.map(record).join('\n');
  }
  const line = (cells: readonly string[]): string => `${align(cells, widths).join('  ').trimEnd()}\n`;
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('');
}

/**
 * Leaves out columns for a table to be lines of a terminal's width.
 *
 * @param expendable names of columns that may go, the first first
 */
export function narrowed(table: Table, width: number, expendable: readonly string[]): Table {
  const [name, ...rest] = expendable;
  if (name === undefined || lineWidth(columnWidths([table.header, ...table.rows])) <= width) return table;
  const at = table.header.indexOf(name);
  const without = (cells: readonly string[]): string[] => cells.filter((_, i) => i !== at);
  return narrowed({ header: without(table.header), rows: table.rows.map(without) }, width, rest);
}

const lineWidth = (widths: readonly number[]): number => widths.reduce((sum, each) => sum + each + 2, -2);

/** The same as Markdown, numbers to the right. */
export function markdownTable({ header, rows }: Table): string {
  const safe = [header, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = columnWidths(safe);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = [], ...body] = safe.map((cells) => align(cells, widths));
  return [line(head), line(rule), ...body.map(line)].join('');
}

function columnWidths(lines: readonly (readonly string[])[]): number[] {
  return (lines[0] ?? []).map((_, i) => Math.max(3, ...lines.map((cells) => [...(cells[i] ?? '')].length)));
}

function align(cells: readonly string[], widths: readonly number[]): string[] {
  return cells.map((cell, i) => {
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - [...cell].length));
    return i === 0 ? cell + space : space + cell;
  });
}

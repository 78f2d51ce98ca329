import { markup, type Html } from './markup.js';

export interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => Html | string;
  /** Text, not a number. */
  readonly words?: boolean;
}

/**
 * A table. On a phone each row is a card with the columns' names beside its cells; with `rowName` each column is a list
 * instead, with the rows' names beside theirs, so that rows are compared there too.
 */
export function table<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  rowName?: (row: T) => string,
): Html {
  const kind = ({ words }: Column<T>): string => (words ? 'words' : '');
  return markup`<div class="scroll">
    <table class="${rowName === undefined ? 'cards' : 'lists'}">
      <thead>
        <tr>
          ${columns.map((column, i) => markup`<th class="${kind(column)}" style="order: ${i}">${column.name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            markup`<tr>
              ${columns.map(
                (column, i) =>
                  markup`<td class="${kind(column)}" style="order: ${i}" data-name="${column.name}" data-row="${rowName?.(row)}">
                    <span>${column.cell(row)}</span>
                  </td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

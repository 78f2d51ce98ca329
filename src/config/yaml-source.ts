import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { messageOf, UserError } from '../core/errors.js';
import { visible } from '../core/visible.js';

/** A YAML document and where in its text each value stands. */
export interface YamlSource {
  readonly value: unknown;
  /** `line:column` of the key or list entry at the path, or of the nearest thing around it. */
  locate(path: readonly PropertyKey[]): string;
}

/**
 * Parses one YAML document. `file` goes into messages.
 * Throws a UserError `file:line:column: message` if the text is not YAML.
 */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const position = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) throw new UserError(visible(`${file}:${position(problem.pos[0])}: ${problem.message}`));
  let value: unknown;
  try {
    value = document.toJS() as unknown;
  } catch (error) {
    // Aliases that lead nowhere, or to more data than a config can be.
    throw new UserError(visible(`${file}: ${messageOf(error)}`));
  }
  const locate = (path: readonly PropertyKey[]): string => {
    let node: unknown = document.contents;
    let offset = document.contents?.range?.[0] ?? 0;
    for (const part of path) {
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
        if (!pair) break;
        if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        if (node === undefined) break;
        offset = (node as { range?: readonly number[] }).range?.[0] ?? offset;
      } else break;
    }
    return position(offset);
  };
  return { value, locate };
}

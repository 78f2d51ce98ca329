/**
 * Two lint rules that keep the house in order: `floors`, that a room imports only from rooms below it, and `no-cycles`,
 * that no file imports itself by way of others. Imports of types count: they tie files together as much for a reader.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** Where a relative import leads: the TypeScript file behind a `.js`. @param {string} file @param {string} request */
function target(file, request) {
  return join(dirname(file), request).replace(/\.js$/, '.ts');
}

/** The first folder under `root`, or the file's own name there. @param {string} root @param {string} file */
function roomOf(root, file) {
  const [room = ''] = relative(root, file).split(sep);
  return room;
}

const request = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*)(?:'(\.[^']+)'|`(\.[^`]+)`)/g;

/** @type {Map<string, readonly string[]>} */
const importsOf = new Map();

/** Relative imports in a file's text, read once in the life of the process. @param {string} file */
function importsIn(file) {
  let found = importsOf.get(file);
  if (!found) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    found = [...text.matchAll(request)].map((match) => target(file, match[1] ?? match[2] ?? ''));
    importsOf.set(file, found);
  }
  return found;
}

/** The shortest way by imports from one file to another, both ends included. @param {string} from @param {string} to */
function way(from, to) {
  /** @type {Map<string, string | undefined>} */
  const reachedFrom = new Map([[from, undefined]]);
  for (const file of reachedFrom.keys()) {
    if (file === to) {
      const files = [file];
      for (let at = reachedFrom.get(file); at !== undefined; at = reachedFrom.get(at)) files.unshift(at);
      return files;
    }
    for (const next of importsIn(file)) if (!reachedFrom.has(next)) reachedFrom.set(next, file);
  }
  return undefined;
}

/**
 * Calls `visit` with each relative import of a file and the file it leads to.
 * @param {(node: import('estree').Node, to: string) => void} visit @param {string} file
 * @returns {import('eslint').Rule.RuleListener}
 */
function eachImport(file, visit) {
  /** @param {import('estree').Node | null | undefined} source */
  const read = (source) => {
    const whole =
      source?.type === 'TemplateLiteral' && source.expressions.length === 0 ? source.quasis[0] : null;
    const path = source?.type === 'Literal' ? source.value : whole?.value.cooked;
    if (source && typeof path === 'string' && path.startsWith('.')) visit(source, target(file, path));
  };
  /** @param {{ source?: import('estree').Node | null }} node */
  const declaration = ({ source }) => read(source);
  return {
    ImportDeclaration: declaration,
    ExportNamedDeclaration: declaration,
    ExportAllDeclaration: declaration,
    ImportExpression: declaration,
    /** `typeof import('…')` and `import('…').Type`. @param {{ source?: import('estree').Node }} node */
    TSImportType: declaration,
    /** `import x = require('…')`. @param {{ expression: import('estree').Node }} node */
    TSExternalModuleReference: ({ expression }) => read(expression),
  };
}

/** @type {import('eslint').Rule.RuleModule} */
const floors = {
  meta: {
    type: 'problem',
    schema: [
      {
        type: 'object',
        properties: {
          root: { type: 'string' },
          /** From the top floor down; rooms on one floor do not import each other. */
          floors: { type: 'array', items: { type: 'array', items: { type: 'string' } } },
        },
        required: ['root', 'floors'],
        additionalProperties: false,
      },
    ],
    messages: {
      up: '{{from}} may not import from {{to}}: imports go down the floors of eslint.config.js only',
      unknown: '{{room}} stands on no floor: add it to eslint.config.js',
    },
  },
  create(context) {
    const { root: folder, floors: plan } = context.options[0];
    const root = resolve(context.cwd, folder);
    /** @param {string} room */
    const floorOf = (room) => plan.findIndex((/** @type {string[]} */ rooms) => rooms.includes(room));
    const from = roomOf(root, context.filename);
    return {
      Program(node) {
        if (floorOf(from) < 0) context.report({ node, messageId: 'unknown', data: { room: from } });
      },
      ...eachImport(context.filename, (node, file) => {
        const to = roomOf(root, file);
        if (to !== from && floorOf(to) <= floorOf(from))
          context.report({ node, messageId: 'up', data: { from, to } });
      }),
    };
  },
};

/** @type {import('eslint').Rule.RuleModule} */
const noCycles = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { cycle: 'these files import each other in a circle: {{files}}' },
  },
  create(context) {
    return eachImport(context.filename, (node, file) => {
      const back = way(file, context.filename);
      if (!back) return;
      const files = [context.filename, ...back].map((path) => relative(context.cwd, path)).join(' → ');
      context.report({ node, messageId: 'cycle', data: { files } });
    });
  },
};

export const rooms = { rules: { floors, 'no-cycles': noCycles } };

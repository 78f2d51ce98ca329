import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { rooms } from './scripts/eslint-rooms.mjs';

/** The rooms of src, from the top floor down: imports go down only, and not between rooms on one floor. */
const floors = [
  ['index.ts', 'cli'],
  ['former-exports.ts'],
  ['report', 'parity'],
  ['study'],
  ['runs'],
  ['measure'],
  ['config'],
  ['train'],
  ['distributed'],
  ['local'],
  ['networks', 'data'],
  ['nn'],
  ['engine'],
  ['formats'],
  ['core'],
];

export default defineConfig(
  globalIgnores([
    'dist/',
    '.venv/',
    '.venv-test/',
    'native/build/',
    'experiments/runs/',
    'datasets/*/',
    'docs/api/',
  ]),
  tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // TensorFlow.js's ops mostly return a tensor of any rank; an assertion that states the rank is worth having.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-require-imports': ['error', { allowAsImport: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { rooms },
    rules: {
      'rooms/floors': ['error', { root: 'src', floors }],
      'rooms/no-cycles': 'error',
    },
  },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    // As users write it.
    ignores: ['test/package/**', 'test/support/fault-plugin.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "ImportDeclaration[importKind='value'][source.value='@tensorflow/tfjs']",
          message:
            "import tf = require('@tensorflow/tfjs'): an import of ES makes Node read the whole package for its names, a quarter of a second of each start",
        },
      ],
    },
  },
  {
    rules: {
      eqeqeq: 'error',
      'prefer-const': 'error',
      'max-lines': ['error', { max: 320, skipBlankLines: true }],
    },
  },
);

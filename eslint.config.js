import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['dist/', 'native/build/', 'experiments/runs/', 'datasets/*/']),
  tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // TensorFlow.js's ops mostly return a tensor of any rank; an assertion that states the rank is worth having.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
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

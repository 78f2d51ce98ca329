import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { colored, showsColor } from '../../src/cli/color.js';

const terminal = { isTTY: true, hasColors: () => true };
const dumb = { isTTY: true, hasColors: () => false };
const pipe = {};

describe('colour', () => {
  it.each([
    ['a terminal', terminal, {}, true],
    ['a terminal without colours', dumb, {}, false],
    ['a terminal that calls itself dumb', terminal, { TERM: 'dumb' }, false],
    ['continuous integration', terminal, { CI: 'true' }, false],
    ['a terminal with CI=false', terminal, { CI: 'false' }, true],
    ['continuous integration with FORCE_COLOR', terminal, { CI: 'true', FORCE_COLOR: '1' }, true],
    ['a pipe', pipe, {}, false],
    ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, true],
    ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
  ])('on %s', (_, stream, env, shown) => {
    expect(showsColor(stream, env)).toBe(shown);
    const text = 'error: a\nerror: b\nat error: c\nnote: d\n';
    const plain = stripVTControlCharacters(colored(text, stream, env));
    expect(plain).toBe(text);
    expect(colored(text, stream, env) !== text).toBe(shown);
  });
});

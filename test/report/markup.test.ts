import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Html, markup } from '../../src/report/markup.js';

it('escapes values, not markup, and joins lists', () => {
  const cells = ['<b>', '"&\''].map((text) => markup`<td title="${text}">${text}</td>`);
  expect(markup`<tr>${cells}${undefined}${3}${new Html('<i>')}</tr>`.text).toBe(
    '<tr><td title="&lt;b&gt;">&lt;b&gt;</td><td title="&quot;&amp;&#39;">&quot;&amp;&#39;</td>3<i></tr>',
  );
});

it('lets no text become markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = markup`${text}`.text;
      expect(escaped).not.toMatch(/[<>"'\0]/);
      expect(escaped).not.toMatch(/\p{Cs}/u);
    }),
  );
});

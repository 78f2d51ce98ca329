import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countCsvClasses, readCsvList } from '../../../src/data/files/csv.js';
import type { FileImages } from '../../../src/data/files/file-images.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import { listing, plant, write } from './tree.js';

const folder = temporaryFolders();
const read = (
  file: string,
  withTest = true,
  evaluateOn?: 'test' | 'val',
  dir?: string,
): Promise<FileImages> => readCsvList({ file, dir, withTest, evaluateOn });

/** A list beside images 1.jpg … 9.jpg. */
function list(content: string | Buffer): { dir: string; file: string } {
  const dir = plant(folder(), ...Array.from({ length: 9 }, (_, i) => `${i + 1}.jpg`), 'sub/a, b.jpg');
  return { dir, file: write(dir, 'list.csv', content) };
}

describe('a CSV list', () => {
  test('has splits, classes in order, and rows in order', async () => {
    const { dir, file } = list(
      'path,label,split\n3.jpg,dog,train\n1.jpg,cat,train\n2.jpg,dog,test\n4.jpg,Eel,train\n',
    );
    const images = await read(file);
    expect(images.classes).toEqual(['Eel', 'cat', 'dog']);
    expect(listing(dir, images.train)).toEqual(['2 3.jpg', '1 1.jpg', '0 4.jpg']);
    expect(listing(dir, images.test)).toEqual(['2 2.jpg']);
    expect(images.evaluatedOn).toBe('test');
    expect(await countCsvClasses(file)).toBe(3);
  });

  test.each([
    ['a byte order mark and CRLF', '\uFEFFpath,label\r\n1.jpg,a\r\n2.jpg,b\r\n'],
    ['mixed line ends, blank lines and no last one', 'path,label\r\n\n1.jpg,a\n\r\n\r2.jpg,b'],
    ['quotes, blanks and another order', 'label , "path", more\n "a", 1.jpg,\nb ,"2.jpg" ,"x ""y"", z"\n'],
    ['UTF-16 with its mark', Buffer.from('\uFEFFpath,label\n1.jpg,a\n2.jpg,b\n', 'utf16le')],
  ])('is read with %s', async (_, content) => {
    const { dir, file } = list(content);
    const { classes, train } = await read(file, false);
    expect(classes).toEqual(['a', 'b']);
    expect(listing(dir, train)).toEqual(['0 1.jpg', '1 2.jpg']);
  });

  test('takes paths with commas and dots, absolute ones, and another base', async () => {
    const { dir, file } = list('');
    writeFileSync(file, `path,label\n"sub/a, b.jpg",x\n${dir}/1.jpg,y\nsub/../2.jpg,x\n`);
    expect(listing(dir, (await read(file, false)).train)).toEqual(['0 sub/a, b.jpg', '1 1.jpg', '0 2.jpg']);
    const other = plant(folder(), '1.jpg', '2.jpg');
    writeFileSync(file, 'path,label\n1.jpg,x\n2.jpg,y\n');
    expect(listing(other, (await read(file, false, undefined, other)).train)).toEqual(['0 1.jpg', '1 2.jpg']);
  });

  test('orders numbers by value, names by code units', async () => {
    const rows = (labels: readonly string[]): string =>
      `path,label\n${labels.map((label, i) => `${i + 1}.jpg,${label}\n`).join('')}`;
    expect((await read(list(rows(['10', '9', '0'])).file, false)).classes).toEqual(['0', '9', '10']);
    expect((await read(list(rows(['10', '9', 'x'])).file, false)).classes).toEqual(['10', '9', 'x']);
    expect((await read(list(rows(['10', '09', '9'])).file, false)).classes).toEqual(['09', '10', '9']);
  });

  test('with both test and val rows has to be told which are meant', async () => {
    const { dir, file } = list('path,label,split\n1.jpg,a,train\n2.jpg,b,train\n3.jpg,a,test\n4.jpg,b,val\n');
    expect(await userMessage(() => read(file))).toBe(
      `${file}: both test and val rows are there: say with data.evaluateOn which to evaluate on`,
    );
    const { test, evaluatedOn } = await read(file, true, 'val');
    expect(listing(dir, test)).toEqual(['1 4.jpg']);
    expect(evaluatedOn).toBe('validation');
    expect((await read(file, false)).test).toBeUndefined();
  });

  test('is read in pieces: a row may lie across any two', async () => {
    const dir = folder();
    const rows = Array.from({ length: 4000 }, (_, i) => `${'d/'.repeat(i % 7)}"${i}"`.replaceAll('"', ''));
    for (let depth = 0; depth < 7; depth++) mkdirSync(join(dir, 'd/'.repeat(depth)), { recursive: true });
    for (const row of rows) writeFileSync(join(dir, row), '');
    const file = write(
      dir,
      'list.csv',
      `path,label\r\n${rows.map((row, i) => `"${row}",${i % 3}`).join('\r\n')}`,
    );
    const { train } = await read(file, false);
    expect(listing(dir, train)).toEqual(rows.map((row, i) => `${i % 3} ${row}`));
  });
});

describe('a CSV list that is refused with a line', () => {
  const ok = '1.jpg,a\n2.jpg,b\n';
  const cases: readonly [string, string | Buffer, string][] = [
    ['empty', '', 'list.csv is empty: expected a CSV file with the columns path,label[,split]'],
    ['blank', '\n\n', 'list.csv is empty'],
    ['no rows', 'path,label\n', 'list.csv: no rows after the header'],
    ['no header', ok, 'list.csv:1: expected a header with the column path, found 1.jpg, a'],
    [
      'a missing column',
      'path,class\n1.jpg,a\n',
      'list.csv:1: expected a header with the column label, found path, class',
    ],
    ['a column twice', 'path,label,path\n1.jpg,a,b\n', 'list.csv:1: the column path is there twice'],
    ['a row too short', `path,label\n${ok}3.jpg\n`, 'list.csv:4: expected as many fields as the header has'],
    [
      'a row too long',
      `path,label\n${ok}3.jpg,a,b\n`,
      'list.csv:4: expected as many fields as the header has',
    ],
    ['an empty path', `path,label\n${ok},a\n`, 'list.csv:4: the path is empty'],
    ['an empty label', `path,label\n${ok}\n\n3.jpg," "\n`, 'list.csv:6: the label is empty'],
    [
      'another split',
      'path,label,split\n1.jpg,a,Train\n',
      'list.csv:2: expected a split train, test, val, found Train',
    ],
    [
      'a path twice',
      `path,label\n${ok}sub/../1.jpg,b\n`,
      'list.csv:4: sub/../1.jpg is on line 2 already: keep one of them',
    ],
    [
      'a path in two splits',
      'path,label,split\n1.jpg,a,train\n2.jpg,b,train\n1.jpg,a,test\n',
      'list.csv:4: 1.jpg is on line 2 already',
    ],
    ['an absent path', `path,label\n${ok}0.jpg,a\n`, '/0.jpg is missing'],
    [
      'many absent paths',
      `path,label\n${ok}x1.jpg,a\n3.jpg,a\nx2.jpg,a\nx3.jpg,b\nx4.jpg,a\nx5.jpg,a\n`,
      '/x1.jpg is missing; so are those on lines 6, 7 and others',
    ],
    ['a folder for a path', `path,label\n${ok}sub,a\n`, '/sub is no file'],
    ['a file for a folder', `path,label\n${ok}1.jpg/2.jpg,a\n`, '/1.jpg/2.jpg is missing'],
    [
      'a zero byte',
      `path,label\n${ok}3\0.jpg,a\n`,
      'list.csv:4: the path 3\\u0000.jpg has a control character in it',
    ],
    [
      'a line break in a label',
      `path,label\n${ok}3.jpg,"a\nb"\n`,
      'list.csv:5: the label a\\nb has a control character in it',
    ],
    ['a quote that is not closed', `path,label\n${ok}"3.jpg,a\n`, 'list.csv:4: the file ends within quotes'],
    ['text after a quote', `path,label\n${ok}"3".jpg,a\n`, 'list.csv:4: text after a closing quote'],
    ['a quote in a field', `path,label\n${ok}3".jpg,a\n`, 'list.csv:4: a quote within a field'],
    [
      'a field without end',
      `path,label\n${ok}"${'x,\n'.repeat(40_000)}`,
      'a row of more than 65536 characters: is a quote missing?',
    ],
    [
      'other text than UTF-8',
      Buffer.from(`path,label\n${ok}3.jpg,caf\xe9\n`, 'latin1'),
      'list.csv:4: not UTF-8 text, caf\uFFFD',
    ],
    [
      'one class',
      'path,label\n1.jpg,a\n2.jpg,a\n',
      'list.csv: expected labels of two classes or more, found 1',
    ],
    [
      'a class only to be tested',
      'path,label,split\n1.jpg,a,train\n2.jpg,b,train\n3.jpg,c,test\n',
      'list.csv:4: the class c has no training images',
    ],
  ];
  test.each(cases)('%s', async (_, content, message) => {
    const { file } = list(content);
    const found = await userMessage(() => read(file, false));
    expect(found).toContain(message);
    expect(found).toContain('list.csv');
    expect(found.length).toBeLessThan(500);
  });

  test('no rows to evaluate on', async () => {
    const { file } = list('path,label\n1.jpg,a\n2.jpg,b\n');
    expect(await userMessage(() => read(file))).toContain(
      'hold out a share of the training images with data.validation',
    );
    expect(await userMessage(() => read(file, true, 'val'))).toContain('no rows of the split val');
  });

  test('no file', async () => {
    const dir = folder();
    expect(await userMessage(() => read(join(dir, 'list.csv')))).toContain(
      'list.csv is missing: expected a CSV',
    );
    expect(await userMessage(() => read(dir))).toContain('is no file');
  });

  test('more classes than labels can tell apart', async () => {
    const dir = folder();
    const rows = Array.from({ length: 65_537 }, (_, i) => `${i},${i}\n`).join('');
    const file = write(dir, 'list.csv', `path,label\n${rows}`);
    expect(await userMessage(() => read(file, false))).toContain('list.csv:65538: more than 65536 classes');
  });
});

describe('accents, composed and decomposed,', () => {
  const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'];

  test('make one class of labels that print alike, and a line says so', async () => {
    const { dir, file } = list(
      `path,label,split\n1.jpg,${composed},train\n2.jpg,tea,train\n3.jpg,${decomposed},test\n4.jpg,tea,test\n`,
    );
    const { classes, train, test: evaluated, notes } = await read(file);
    expect(classes).toEqual([composed, 'tea']);
    expect(listing(dir, train)).toEqual(['0 1.jpg', '1 2.jpg']);
    expect(listing(dir, evaluated)).toEqual(['0 3.jpg', '1 4.jpg']);
    expect(notes).toEqual([
      `${file}: the labels ${composed}: accents composed and decomposed, taken for one name (Unicode NFC)`,
    ]);
    expect(await countCsvClasses(file)).toBe(2);
  });

  test('do not matter in paths: the file is taken as it is there, and a line says so', async () => {
    const dir = plant(
      folder(),
      `${composed}/${decomposed}.jpg`,
      `${decomposed}/${composed}.jpg`,
      'plain.jpg',
    );
    const file = write(
      dir,
      'list.csv',
      `path,label\n${decomposed}/${composed}.jpg,a\nplain.jpg,b\n${composed}/${composed}.jpg,c\n`,
    );
    expect(await userMessage(() => read(file, false))).toMatch(/^.*list\.csv:4: .* is on line 2 already/);
    const other = plant(folder(), `${decomposed}/${composed}.jpg`, 'plain.jpg');
    const rows = `path,label\nplain.jpg,b\n${composed}/${decomposed}.jpg,a\n`;
    const { train, notes } = await read(write(other, 'list.csv', rows), false);
    expect(listing(other, train)).toEqual(['1 plain.jpg', `0 ${decomposed}/${composed}.jpg`]);
    expect(notes).toEqual([
      `${other}/list.csv:3: ${other}/${decomposed}/${composed}.jpg has its accents in another spelling than the list (Unicode NFC or NFD): taken as it is there`,
    ]);
    const missing = `path,label\nplain.jpg,b\n${composed}/none.jpg,a\n`;
    expect(await userMessage(() => read(write(other, 'list.csv', missing), false))).toContain('is missing');
  });
});

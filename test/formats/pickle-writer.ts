/** An array of bytes for `pickleOf`. */
export interface Bytes2d {
  readonly rows: number;
  readonly columns: number;
  readonly content: Uint8Array;
}

type Picklable =
  number | string | Bytes2d | readonly Picklable[] | { readonly [key: string]: Picklable | undefined };

/**
 * Pickles as Python 2's cPickle with protocol 2 and numpy 1 did, which CIFAR's official files are made with: strings
 * of bytes, everything put into the memo, no frames.
 */
export function pickleOf(value: Picklable): Buffer {
  const parts: Buffer[] = [Buffer.of(0x80, 2)];
  let memo = 0;
  const code = (text: string, ...bytes: number[]): void => {
    parts.push(Buffer.from(text, 'latin1'), Buffer.from(bytes));
  };
  const put = (): void => {
    if (memo < 256) code('q', memo);
    else code('r', ...uint32(memo));
    memo++;
  };
  const string = (bytes: Uint8Array): void => {
    if (bytes.length < 256) code('U', bytes.length);
    else code('T', ...uint32(bytes.length));
    parts.push(Buffer.from(bytes));
    put();
  };
  const array = ({ rows, columns, content }: Bytes2d): void => {
    code('cnumpy.core.multiarray\n_reconstruct\n');
    put();
    code('cnumpy\nndarray\n');
    put();
    code('K', 0);
    code('\x85');
    string(Buffer.from('b'));
    code('\x87R');
    put();
    code('(K', 1);
    write(rows);
    write(columns);
    code('\x86cnumpy\ndtype\n');
    put();
    string(Buffer.from('u1'));
    code('K\0K\x01\x87R');
    put();
    code('(K\x03');
    string(Buffer.from('|'));
    code('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89');
    string(content);
    code('tb');
  };
  const write = (item: Picklable): void => {
    if (typeof item === 'number') {
      if (item >= 0 && item < 256) code('K', item);
      else if (item >= 0 && item < 65_536) code('M', item & 255, item >> 8);
      else code('J', ...uint32(item));
    } else if (typeof item === 'string') {
      string(Buffer.from(item, 'latin1'));
    } else if (isList(item)) {
      code(']');
      put();
      code('(');
      item.forEach(write);
      code('e');
    } else if (isBytes(item)) {
      array(item);
    } else {
      code('}');
      put();
      code('(');
      for (const [key, content] of Object.entries(item)) {
        string(Buffer.from(key, 'latin1'));
        write(content!);
      }
      code('u');
    }
  };
  write(value);
  code('.');
  return Buffer.concat(parts);
}

function uint32(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
}

function isList(item: Picklable): item is readonly Picklable[] {
  return Array.isArray(item);
}

function isBytes(item: object): item is Bytes2d {
  return 'content' in item && item.content instanceof Uint8Array;
}

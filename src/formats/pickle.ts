import { UserError } from '../core/errors.js';
import { NAME_BYTES, PickleBytes } from './pickle-bytes.js';
import { buildNumpy, callNumpy, numpyGlobal } from './pickle-numpy.js';
import { isObject, isString, pickleText, type PickleValue } from './pickle-values.js';

/**
 * Reads a python pickle of protocol 2 to 5 that holds nothing but dictionaries with string keys, lists, tuples,
 * strings, integers and numpy arrays of numbers, such as CIFAR's.
 *
 * Code of our own, as a pickle is a program: this machine knows the opcodes that build such data and the few globals
 * that numpy's arrays name, and refuses every other by name, so that nothing in the file can run. It never calls
 * itself, strings and arrays stay views of the file, and `maxSteps` limits all else that it could make.
 * @param maxSteps how many opcodes the pickle may have
 * @throws UserError naming the file, the byte and what was found there
 */
export function readPickle(bytes: Uint8Array, path: string, maxSteps: number): PickleValue {
  const machine = new PickleMachine(bytes, path);
  for (let step = 0; step < maxSteps; step++) {
    const result = machine.step();
    if (result !== undefined) return result;
  }
  throw new UserError(`${path}: more than the ${maxSteps} opcodes that such a file can need, get it anew`);
}

/** Opcodes that a pickle may have but such a file does not: those that make objects, or name what is elsewhere. */
const REFUSED: Readonly<Record<number, string>> = {
  0x50: 'PERSID',
  0x51: 'BINPERSID',
  0x69: 'INST',
  0x6f: 'OBJ',
  0x81: 'NEWOBJ',
  0x82: 'EXT1',
  0x83: 'EXT2',
  0x84: 'EXT4',
  0x92: 'NEWOBJ_EX',
  0x97: 'NEXT_BUFFER',
  0x98: 'READONLY_BUFFER',
};

class PickleMachine {
  readonly #bytes: PickleBytes;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  /** Bytes that strings may still be rewritten to: with each byte of the file rewritten once, nothing can grow. */
  #rewritable: number;

  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = new PickleBytes(bytes, path);
    this.#rewritable = bytes.length;
    if (this.#bytes.byte() !== 0x80) this.#bytes.fail('no pickle of protocol 2 or later begins so');
    const protocol = this.#bytes.byte();
    if (protocol < 2 || protocol > 5) this.#bytes.fail(`expected pickle protocol 2 to 5, found ${protocol}`);
  }

  /** Runs one opcode; the pickle's value once that was the last. */
  step(): PickleValue | undefined {
    this.#bytes.opcodeAt = this.#bytes.at;
    const stack = this.#stack;
    const opcode = this.#bytes.byte();
    switch (opcode) {
      case 0x2e: // STOP
        return this.#stop();
      case 0x95: // FRAME
        this.#bytes.atLeast(this.#bytes.length64());
        break;
      case 0x28: // MARK
        this.#marks.push(stack.length);
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4b: // BININT1
        stack.push(this.#bytes.byte());
        break;
      case 0x4d: // BININT2
        stack.push(this.#bytes.uint16());
        break;
      case 0x4a: // BININT
        stack.push(this.#bytes.int32());
        break;
      case 0x8a: // LONG1
        stack.push(this.#bytes.long());
        break;
      case 0x55: // SHORT_BINSTRING
      case 0x43: // SHORT_BINBYTES
        this.#string(this.#bytes.byte(), false);
        break;
      case 0x54: // BINSTRING
      case 0x42: // BINBYTES
        this.#string(this.#bytes.uint32(), false);
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        this.#string(this.#bytes.length64(), false);
        break;
      case 0x8c: // SHORT_BINUNICODE
        this.#string(this.#bytes.byte(), true);
        break;
      case 0x58: // BINUNICODE
        this.#string(this.#bytes.uint32(), true);
        break;
      case 0x8d: // BINUNICODE8
        this.#string(this.#bytes.length64(), true);
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x85: // TUPLE1
        stack.push([this.#pop()]);
        break;
      case 0x86: // TUPLE2
        stack.push(this.#popMany(2));
        break;
      case 0x87: // TUPLE3
        stack.push(this.#popMany(3));
        break;
      case 0x74: // TUPLE
        stack.push(this.#popToMark());
        break;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        break;
      case 0x65: // APPENDS
        this.#append(this.#popToMark());
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x73: // SETITEM
        this.#setItems(this.#popMany(2));
        break;
      case 0x75: // SETITEMS
        this.#setItems(this.#popToMark());
        break;
      case 0x71: // BINPUT
        this.#memo.set(this.#bytes.byte(), this.#top());
        break;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#bytes.uint32(), this.#top());
        break;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        break;
      case 0x68: // BINGET
        this.#get(this.#bytes.byte());
        break;
      case 0x6a: // LONG_BINGET
        this.#get(this.#bytes.uint32());
        break;
      case 0x63: // GLOBAL
        this.#global(this.#bytes.line(), this.#bytes.line());
        break;
      case 0x93: // STACK_GLOBAL
        this.#stackGlobal();
        break;
      case 0x52: // REDUCE
        this.#reduce();
        break;
      case 0x62: // BUILD
        this.#build();
        break;
      default:
        this.#bytes.fail(
          `the opcode ${REFUSED[opcode] ?? `0x${opcode.toString(16).padStart(2, '0')}`} has no place in a file of arrays`,
        );
    }
    return undefined;
  }

  #stop(): PickleValue {
    const value = this.#pop();
    if (this.#stack.length > 0 || this.#marks.length > 0)
      this.#bytes.fail('the pickle ends with values left over');
    if (this.#bytes.left > 0) this.#bytes.fail('the pickle ends before the file does');
    return value;
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) this.#bytes.fail('appends to what is no list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) this.#bytes.fail('sets an item of what is no dictionary');
    if (items.length % 2 !== 0) this.#bytes.fail('a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (!isString(key) || key.bytes.length > NAME_BYTES) this.#bytes.fail('a key that is no short string');
      dict.set(pickleText(key)!, items[i + 1]!);
    }
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) this.#bytes.fail(`nothing has been put at ${index}`);
    this.#stack.push(value);
  }

  #stackGlobal(): void {
    const [module, name] = this.#popMany(2);
    if (!isString(module) || !isString(name)) this.#bytes.fail('a global whose name is no string');
    if (Math.max(module.bytes.length, name.bytes.length) > NAME_BYTES)
      this.#bytes.fail('a global of a long name');
    this.#global(pickleText(module)!, pickleText(name)!);
  }

  #global(module: string, name: string): void {
    const found = numpyGlobal(module, name);
    if (!found) {
      const shown = JSON.stringify(`${module}.${name}`).slice(1, -1);
      this.#bytes.fail(`asks for ${shown}, which no array is made with`);
    }
    this.#stack.push(found);
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!isObject(callee) || callee.kind !== 'global' || !Array.isArray(args)) {
      this.#bytes.fail('calls what is no function');
    }
    const made = callNumpy(callee, args, (what) => this.#bytes.fail(what));
    if (isString(made)) {
      this.#rewritable -= made.bytes.length;
      if (this.#rewritable < 0) this.#bytes.fail('rewrites more text than the file holds');
    }
    this.#stack.push(made);
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (!isObject(target) || (target.kind !== 'array' && target.kind !== 'type') || !Array.isArray(state)) {
      this.#bytes.fail('builds what is neither an array nor its type');
    }
    buildNumpy(target, state, (what) => this.#bytes.fail(what));
  }

  #top(): PickleValue {
    // Below the last mark there is nothing to take: CPython's own unpickler refuses that as well.
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0))
      this.#bytes.fail('takes a value where there is none');
    return this.#stack.at(-1)!;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PickleValue[] {
    if (this.#stack.length < (this.#marks.at(-1) ?? 0) + count) {
      this.#bytes.fail('takes a value where there is none');
    }
    return this.#stack.splice(-count);
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) this.#bytes.fail('goes back to a mark where there is none');
    return this.#stack.splice(mark);
  }

  #string(length: number, unicode: boolean): void {
    this.#stack.push({ kind: 'string', unicode, bytes: this.#bytes.part(length) });
  }
}

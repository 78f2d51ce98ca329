import tf = require('@tensorflow/tfjs');
import { isDetached } from '../engine/detached.js';
import { isReached } from '../engine/tape.js';
import { UserError } from '../core/errors.js';
import { theirPart } from '../core/foreign-frame.js';
import { calling } from '../core/their-code.js';
import { isOutOfMemory } from '../engine/out-of-memory.js';
import type { Classifier } from './classifier.js';
import type { LocalUpdate, Streams, UpdateResult } from './update.js';

/**
 * Updates that are checked: their names and variables at once, and what each makes when it runs for the first time. A
 * mistake of whoever wrote a strategy is told where it is, not where it does its harm.
 *
 * @param whose stands in front of messages, such as a plugin's file
 * @throws UserError, in a step too, where updates share a name, one trains nothing or reads a stream that it is not
 * handed, a loss is not one number or depends on none of its variables, a stream is no tensor or was not detached, or
 * what is thrown is no error
 */
export function checkedUpdates(updates: readonly LocalUpdate[], whose = ''): LocalUpdate[] {
  const names = updates.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new UserError(`${whose}two updates are called '${twice}': give each a name of its own`);
  }
  return updates.map((update) => checkedUpdate(update, whose));
}

function checkedUpdate(update: LocalUpdate, whose: string): LocalUpdate {
  const { name, variables, through, follows, classifier, apart } = update;
  const refuse = (reason: string, cause?: unknown): never => {
    throw new UserError(`${whose}update '${name}' ${reason}`, cause === undefined ? {} : { cause });
  };
  if (variables.length === 0) refuse('has no variables: an update lists all that it may change');
  const odd = variables.findIndex((variable) => !(variable instanceof tf.Variable));
  if (odd >= 0) refuse(`has something in its variables, at ${odd}, that is no tf.Variable`);
  const own = <T>(call: () => T): T => {
    try {
      return calling(`${whose}update '${name}'`, call);
    } catch (error) {
      throw whose === '' ? error : ofOperation(error as Error, `${whose}update '${name}'`);
    }
  };
  let ran = false;
  const first = (streams: Streams, batch: Parameters<LocalUpdate['forward']>[1]): UpdateResult => {
    const missing = new Set<string>();
    let result: UpdateResult;
    try {
      result = update.forward(watched(streams, missing), batch);
    } catch (error) {
      const [lost] = missing;
      if (lost === undefined || error instanceof UserError || isOutOfMemory(error)) throw error;
      return refuse(`reads the stream '${lost}', and is handed ${listed(streams)}`, error);
    }
    const problem = problemOf(result, streams, variables);
    if (problem !== undefined) refuse(problem);
    ran = true;
    return result;
  };
  // Field by field: an update may be an instance of a class.
  return {
    ...{ name, variables },
    ...(through === undefined ? {} : { through }),
    ...(follows === undefined ? {} : { follows }),
    ...(classifier === undefined ? {} : { classifier: checkedClassifier(classifier, refuse, own) }),
    ...(apart === undefined ? {} : { apart }),
    forward: (streams, batch) => own(() => (ran ? update.forward(streams, batch) : first(streams, batch))),
    ...(update.after === undefined ? {} : { after: () => own(() => update.after!()) }),
    ...(update.release === undefined ? {} : { release: () => own(() => update.release!()) }),
  };
}

/** An operation that fails says not whose it is: the error as of the update, with the place that has called it. */
function ofOperation(error: Error, what: string): Error {
  const { frame, threw } = theirPart(error, import.meta.filename);
  if (error instanceof UserError || frame === undefined || threw || isOutOfMemory(error as unknown))
    return error;
  return new UserError(`${what}: ${error.message} (${frame.file}:${frame.line})`, { cause: error });
}

function checkedClassifier(
  classifier: Classifier,
  refuse: (reason: string) => never,
  own: <T>(call: () => T) => T,
): Classifier {
  return {
    after: classifier.after,
    logits(features) {
      const logits: unknown = own(() => classifier.logits(features));
      const [images] = features.shape;
      if (isTensor(logits) && logits.rank === 2 && logits.shape[0] === images) return logits as tf.Tensor2D;
      const came = isTensor(logits) ? `a tensor of shape [${logits.shape.join(', ')}]` : 'no tensor';
      return refuse(`has a classifier that gives ${came}, where [${images}, classes] is expected`);
    },
  };
}

/** The same streams; names that are read and not there are noted. */
function watched(streams: Streams, missing: Set<string>): Streams {
  return new Proxy(streams, {
    get(target, name) {
      if (typeof name === 'string' && !Object.hasOwn(target, name)) missing.add(name);
      return Reflect.get(target, name) as unknown;
    },
  });
}

/** What is wrong with what an update made, as the rest of a sentence; nothing in its types is believed. */
function problemOf(result: unknown, given: Streams, variables: readonly tf.Variable[]): string | undefined {
  const { loss, streams } = (result ?? {}) as { readonly loss?: unknown; readonly streams?: unknown };
  if (!isTensor(loss)) return 'returns no loss: it must return { loss, streams }';
  if (loss.rank !== 0) {
    return `has a loss of shape [${loss.shape.join(', ')}], where one number is expected: take its mean (tf.mean)`;
  }
  if (loss.dtype !== 'float32') return `has a loss of dtype ${loss.dtype}, where float32 is expected`;
  if (!isReached(loss, variables)) {
    return "has a loss that depends on none of its variables, so that nothing would be trained: make it of what they compute, with TensorFlow.js's own operations";
  }
  if (typeof streams !== 'object' || streams === null) {
    return 'returns no streams: it must return { loss, streams }, for the last update { loss, streams: {} }';
  }
  const own = new Set<unknown>(Object.values(given));
  for (const [name, stream] of Object.entries(streams)) {
    if (!isTensor(stream)) return `hands on '${name}', which is no tensor`;
    if (!isDetached(stream) && !own.has(stream)) {
      return `hands on the stream '${name}' together with how it came about: wrap it in detach(…), so that no gradient of a later update can reach back`;
    }
  }
  return undefined;
}

const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor;

function listed(streams: Streams): string {
  const names = Object.keys(streams).map((name) => `'${name}'`);
  return names.length === 0 ? 'none' : names.join(', ');
}

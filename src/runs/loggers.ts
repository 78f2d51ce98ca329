import type { LoggedRun, LoggerKind, RunEnd, RunLogger } from '../config/run-logger.js';
import { messageOf } from '../core/errors.js';
import type { EpochMetrics, StepMetrics } from '../train/events.js';
import { WriteFailure } from './write-failure.js';

/** All loggers of one run. */
export interface OpenLoggers {
  epoch(metrics: EpochMetrics): void;
  step(metrics: StepMetrics): void;
  /** Settled when all have been told, and are done. */
  end(how: RunEnd): Promise<void>;
}

/**
 * Starts a run's loggers.
 *
 * @param note told of one that fails, which is told no more
 * @throws WriteFailure where one that writes into the run's own folder cannot
 */
export function openLoggers(
  kinds: readonly LoggerKind[],
  run: LoggedRun,
  note: (message: string) => void,
): OpenLoggers {
  const calls = kinds.map((kind) => inOrder(kind, run, note));
  return {
    epoch: (metrics) => calls.forEach((call) => void call((logger) => logger.epoch(metrics))),
    step: (metrics) => calls.forEach((call) => void call((logger) => logger.step?.(metrics))),
    end: async (how) => void (await Promise.all(calls.map((call) => call((logger) => logger.end(how))))),
  };
}

type Call = (f: (logger: RunLogger) => void | Promise<void>) => Promise<void>;

const done = Promise.resolve();

/** One logger's calls, each after the one before; at once where that is done. */
function inOrder(kind: LoggerKind, run: LoggedRun, note: (message: string) => void): Call {
  let logger: RunLogger | undefined;
  /** The last of those that are under way. */
  let under: Promise<void> | undefined;
  let failed = false;
  const fail = (error: unknown): void => {
    failed = true;
    note(`logger ${kind.name}: ${messageOf(error)}; it logs no more of this run`);
  };
  const follow = (call: Promise<void>): Promise<void> => {
    const own = call.catch(fail).then(() => {
      if (under === own) under = undefined;
    });
    under = own;
    return own;
  };
  const now = (f: () => void | Promise<void>): Promise<void> => {
    try {
      const result = f();
      return result instanceof Promise ? follow(result) : done;
    } catch (error) {
      if (error instanceof WriteFailure) throw error;
      fail(error);
      return done;
    }
  };
  const call = (f: () => void | Promise<void>): Promise<void> => {
    if (failed) return done;
    return under === undefined ? now(f) : follow(under.then(() => (failed ? undefined : f())));
  };
  void call(() => {
    const started = kind.start(run);
    if (started instanceof Promise) return started.then((given) => void (logger = given));
    logger = started;
  });
  return (f) => call(() => f(logger!));
}

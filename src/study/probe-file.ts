import { join } from 'node:path';
import { z } from 'zod';
import { checkGiven, pathSchema } from '../core/given.js';
import { engineNames } from '../engine/engine.js';
import { readJson, writeJson } from '../core/json-file.js';
import { writing } from '../runs/write-failure.js';

const share = z.number().min(0).max(1);

const probeSchema = z.strictObject({
  /** The run's name in tables. */
  label: z.string(),
  method: z.string(),
  /** `resnet-32`. */
  network: z.string(),
  engine: z.enum(engineNames),
  /** What `accuracy` and `networkAccuracy` were measured on. */
  evaluatedOn: z.enum(['test', 'validation']),
  /** That the probes were fitted to, drawn from the training split by the run's seed. */
  trainImages: z.int().min(1),
  testImages: z.int().min(1),
  seed: z.int(),
  /** Of the network's own head, with the weights that were probed. */
  networkAccuracy: share,
  /** In the network's order. */
  units: z
    .array(
      z.strictObject({
        name: z.string(),
        /** Numbers that the probe reads: the unit's channels. */
        features: z.int().min(1),
        /** Of the linear probe, 0…1. */
        accuracy: share,
        /** Of the same on the images that it was fitted to. */
        trainAccuracy: share,
      }),
    )
    .min(1),
});

/** How far a run's classes can be read off each unit's features by a linear classifier: a run folder's `probe.json`. */
export type ProbeReport = z.infer<typeof probeSchema>;

const fileName = 'probe.json';

export function writeProbe(folder: string, report: ProbeReport): string {
  const path = join(folder, fileName);
  writing(path, () => writeJson(path, report));
  return path;
}

/**
 * Reads a run folder's `probe.json`.
 *
 * @throws UserError if the run folder has no probe, or one of another form
 */
export function readProbe(folder: string): ProbeReport {
  checkGiven('readProbe', { folder: pathSchema }, { folder });
  return readJson(join(folder, fileName), probeSchema, 'the probe');
}

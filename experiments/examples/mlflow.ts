/**
 * A plugin that logs every run to an MLflow server, by its REST API:
 *
 *     MLFLOW_TRACKING_URI=http://localhost:5000 npx locallearn train configs/auglocal.yaml --plugin experiments/examples/mlflow.ts
 *
 * Where the server cannot be reached, the run says so and goes on.
 */
import { definePlugin, type EpochMetrics, type LoggerKind } from 'locallearn';

const server = process.env['MLFLOW_TRACKING_URI'] ?? 'http://localhost:5000';
const statuses = { finished: 'FINISHED', interrupted: 'KILLED', failed: 'FAILED' } as const;

async function post(call: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${server}/api/2.0/mlflow/${call}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${call} of ${server}: ${response.status} ${response.statusText}`);
  return (await response.json()) as Record<string, unknown>;
}

/** `{ train: { epochs: 2 } }` → `train.epochs`, `2`. */
function flat(value: unknown, path: string): { key: string; value: string }[] {
  if (typeof value !== 'object' || value === null) return [{ key: path, value: String(value) }];
  return Object.entries(value).flatMap(([key, part]) => flat(part, path === '' ? key : `${path}.${key}`));
}

function metricsOf(epoch: EpochMetrics): object[] {
  const { trainLoss, evaluationLoss, evaluationAccuracy, imagesPerSecond, peakMemoryBytes, updateLosses } =
    epoch;
  const named = { trainLoss, evaluationLoss, evaluationAccuracy, imagesPerSecond, peakMemoryBytes };
  const updates = Object.entries(updateLosses).map(([name, loss]) => [`loss/${name}`, loss] as const);
  return [...Object.entries(named), ...updates].map(([key, value]) => ({
    ...{ key, value, step: epoch.epoch, timestamp: Date.now() },
  }));
}

const mlflow: LoggerKind = {
  name: 'mlflow',
  async start({ label, folder, config, finished }) {
    const tags = [{ key: 'locallearn.folder', value: folder }];
    const created = await post('runs/create', {
      ...{ experiment_id: '0', run_name: label, start_time: Date.now(), tags },
    });
    const { run_id } = (created['run'] as { info: { run_id: string } }).info;
    const metrics = finished.flatMap(metricsOf);
    // The server takes a hundred parameters at a time.
    await post('runs/log-batch', { run_id, params: flat(config, '').slice(0, 100), metrics });
    return {
      epoch: async (epoch) => void (await post('runs/log-batch', { run_id, metrics: metricsOf(epoch) })),
      end: async ({ status }) =>
        void (await post('runs/update', { run_id, status: statuses[status], end_time: Date.now() })),
    };
  },
};

export const plugin = definePlugin({ loggers: [mlflow] });

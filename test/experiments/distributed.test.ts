import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { program } from '../cli/helpers.js';

const folder = join(import.meta.dirname, '../../experiments/distributed');

/** A config that is not there: whoever says so has taken the command line. */
const missing = 'nowhere.yaml';
const taken = expect.stringMatching(/^error: nowhere\.yaml: /) as string;

/** What the scripts call, in the place of what is not here: they call what they are told to. */
const stubs = {
  npx: '[ "$1" = locallearn ] && shift && exec "$NODE" "$PROGRAM" "$@"',
  torchrun: 'while [ "$1" != npx ]; do echo "$1"; shift; done; exec "$@"',
  scontrol: 'echo first; echo second',
  srun: 'shift; export SLURM_PROCID=1 SLURM_NTASKS=4 SLURM_LOCALID=0 SLURM_CPUS_PER_TASK=8; exec "$@"',
};

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'locallearn-distributed-'));
  for (const [name, body] of Object.entries(stubs)) {
    writeFileSync(join(work, name), `#!/bin/bash\n${body}\n`);
    chmodSync(join(work, name), 0o755);
  }
});
afterAll(() => rmSync(work, { recursive: true }));

function runScript(name: string, environment: NodeJS.ProcessEnv) {
  const env = {
    ...process.env,
    ...{ PATH: `${work}${delimiter}${process.env['PATH']}`, NODE: process.execPath, PROGRAM: program },
    ...environment,
  };
  return spawnSync('bash', [join(folder, name), missing, join(work, 'run')], { env, encoding: 'utf8' });
}

describe('scripts that start ranks on several machines call a command that there is', () => {
  it('torchrun', () => {
    const { stdout, stderr } = runScript('torchrun.sh', { HOSTS: '2', HOST: '1', MASTER: '10.0.0.1' });
    expect([stdout.split('\n'), stderr]).toEqual([expect.arrayContaining(['--max-restarts', '3']), taken]);
  });

  it('Slurm', () => {
    const { stderr } = runScript('slurm.sh', { SLURM_JOB_NODELIST: 'node[0-3]' });
    expect(stderr).toEqual(taken);
  });

  it('Kubeflow: one command of all replicas, of which there are as many as ranks', () => {
    interface Replicas {
      replicas: number;
      template: { spec: { containers: { name: string; command: string[] }[] } };
    }
    const manifest = parse(readFileSync(join(folder, 'pytorchjob.yaml'), 'utf8')) as {
      kind: string;
      spec: { pytorchReplicaSpecs: Record<'Master' | 'Worker', Replicas> };
    };
    const { Master, Worker } = manifest.spec.pytorchReplicaSpecs;
    const [command, other] = [Master, Worker].map(({ template }) => template.spec.containers[0]!.command);
    expect(command).toEqual(other);
    expect(command).toContain(`parallel.blocks=${Master.replicas + Worker.replicas}`);
    const [, , train, config, ...rest] = command!;
    expect(config).toBe('configs/auglocal.yaml');
    const { stderr } = spawnSync(process.execPath, [program, train!, missing, ...rest], { encoding: 'utf8' });
    expect(stderr).toEqual(taken);
  });
});

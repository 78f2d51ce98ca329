import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';

/** Two network namespaces, each with a host name of its own, and a cable between them. */
export interface TwoHosts {
  /** Where the first is reached. */
  readonly address: string;
  /** Starts a program on one of them. */
  start(
    host: 0 | 1,
    program: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): ChildProcessWithoutNullStreams;
  /** Cuts the cable. */
  cut(): void;
  close(): void;
}

/** Why there can be none here; undefined where there can. */
export function whyNoHosts(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const probe = `ll-probe-${process.pid}`;
  const { error, status, stderr } = spawnSync('ip', ['netns', 'add', probe], { encoding: 'utf8' });
  if (error !== undefined || status !== 0) return `ip netns: ${error?.message ?? stderr.trim()}`;
  run('ip', 'netns', 'del', probe);
  return undefined;
}

/** Of those that this process has made. */
let made = 0;

/**
 * @param rate of the cable each way, as tc says it: `1mbit`; and 20 ms of delay, where the kernel has netem
 */
export function twoHosts(rate: string): TwoHosts {
  const pair = ++made;
  const names = [0, 1].map((host) => `ll-${process.pid}-${pair}-${host}`);
  const address = (host: number): string => `10.77.31.${host + 1}`;
  const close = (): void => {
    for (const name of names) spawnSync('ip', ['netns', 'del', name]);
  };
  try {
    for (const name of names) run('ip', 'netns', 'add', name);
    const [first, second] = names;
    run(
      'ip',
      'link',
      'add',
      'cable',
      'netns',
      first!,
      'type',
      'veth',
      'peer',
      'name',
      'cable',
      'netns',
      second!,
    );
    names.forEach((name, host) => {
      run('ip', '-n', name, 'address', 'add', `${address(host)}/24`, 'dev', 'cable');
      for (const device of ['lo', 'cable']) run('ip', '-n', name, 'link', 'set', device, 'up');
      const discipline = ['-n', name, 'qdisc', 'add', 'dev', 'cable', 'root'];
      const delayed = spawnSync('tc', [...discipline, 'netem', 'delay', '20ms', 'rate', rate]);
      if (delayed.status !== 0)
        run('tc', ...discipline, 'tbf', 'rate', rate, 'burst', '32kbit', 'latency', '2s');
    });
  } catch (error) {
    close();
    throw error;
  }
  return {
    address: address(0),
    start(host, program, environment) {
      const named = `hostname host-${host} && exec "$@"`;
      const args = ['netns', 'exec', names[host]!, 'unshare', '--uts', 'sh', '-c', named, 'sh', ...program];
      return spawn('ip', args, { env: { ...process.env, ...environment } });
    },
    cut: () => run('ip', '-n', names[1]!, 'link', 'set', 'cable', 'down'),
    close,
  };
}

function run(program: string, ...args: string[]): void {
  const { error, status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

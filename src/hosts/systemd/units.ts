import { RelocateError } from '../../errors.ts';
import type { RunResult } from '../host.ts';
import type { Runner } from '../compose.ts';
import type { ServiceState } from '../service.ts';
import {
  environmentFolder,
  environmentPath,
  environmentText,
  unitFolder,
  unitName,
  unitPrefix,
  unitText,
  type UnitSpec,
} from './unit.ts';

/** A deployment's services as units of the host's systemd. For root. All of it can run twice. */

const commandMs = 60_000;

export async function hasSystemd(host: Runner): Promise<boolean> {
  const { exitCode } = await host.run(['test', '-d', '/run/systemd/system'], { timeoutMs: commandMs });
  return exitCode === 0;
}

/** Makes a user for the deployment's services, who can log in nowhere. Throws `start-failed`. */
export async function ensureUser(host: Runner, user: string, home: string): Promise<void> {
  const known = await host.run(['id', '-u', user], { timeoutMs: commandMs });
  if (known.exitCode === 0) return;
  const flags = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin'];
  await must(host, ['useradd', ...flags, '--home-dir', home, user], `The user ${user} could not be made`);
}

/** Gives files to a user, links themselves and not what they lead to. Throws `start-failed`. */
export async function giveTo(host: Runner, user: string, paths: readonly string[]): Promise<void> {
  const command = ['chown', '--recursive', '--no-dereference', `${user}:${user}`, '--', ...paths];
  await must(host, command, `The files could not be given to ${user}`, 10 * commandMs);
}

/**
 * Starts the service, or leaves it alone where it runs as it should. Returns once its program runs, which says nothing
 * of its being ready. Throws `start-failed`.
 */
export async function startUnit(host: Runner, spec: UnitSpec): Promise<ServiceState> {
  const unit = unitName(spec);
  const failed = `The service ${spec.name} could not be started`;
  const isNew = await put(host, `${unitFolder}/${unit}`, unitText(spec), '0644');
  const isChanged = await put(host, environmentPath(spec), environmentText(spec.environment), '0600');
  if (isNew) await must(host, ['systemctl', 'daemon-reload'], failed);
  // One that systemd has given up is forgiven: whoever starts it has mended something.
  await host.run(['systemctl', 'reset-failed', unit], { timeoutMs: commandMs });
  await must(host, ['systemctl', 'enable', '--quiet', unit], failed);
  await must(host, ['systemctl', isNew || isChanged ? 'restart' : 'start', unit], failed);
  return unitState(host, spec);
}

const properties = [
  'LoadState',
  'ActiveState',
  'SubState',
  'MainPID',
  'NRestarts',
  'Result',
  'ExecMainStatus',
];
const stamp = 'ActiveEnterTimestampMonotonic';

/** A service that was never started is `stopped`. Throws `start-failed` where systemd does not answer. */
export async function unitState(
  host: Runner,
  spec: Pick<UnitSpec, 'deployment' | 'name'>,
): Promise<ServiceState> {
  const unit = unitName(spec);
  const command = ['systemctl', 'show', '--property', [...properties, stamp].join(','), unit];
  const { stdout } = await must(host, command, 'systemd does not tell the state of a service');
  const uptime = await must(host, ['cat', '/proc/uptime'], 'The host does not tell its uptime');
  return stateFrom(spec.name, unit, stdout, Number(uptime.stdout.split(' ')[0]), Date.now());
}

/** Pure: what `systemctl show` said, in our words. */
export function stateFrom(
  name: string,
  unit: string,
  shown: string,
  uptimeSeconds: number,
  nowMs: number,
): ServiceState {
  const value = new Map(
    shown.split('\n').map((line) => {
      const [, key = '', said = ''] = /^([^=]*)=(.*)$/.exec(line) ?? [];
      return [key, said] as const;
    }),
  );
  const active = value.get('ActiveState') ?? '';
  const pid = Number(value.get('MainPID'));
  const enteredMs = Number(value.get(stamp)) / 1000;
  const hasEnded = value.get('Result') !== 'success' || value.get('ExecMainStatus') !== '0';
  return {
    name,
    state: stateWords.get(`${active} ${value.get('SubState')}`) ?? stateWords.get(active) ?? 'stopped',
    pid: pid > 0 ? pid : undefined,
    supervisorPid: undefined,
    restarts: Number(value.get('NRestarts') ?? 0),
    since: enteredMs > 0 ? new Date(nowMs - uptimeSeconds * 1000 + enteredMs).toISOString() : undefined,
    lastExit: hasEnded ? `${value.get('Result')}, exit code ${value.get('ExecMainStatus')}` : undefined,
    logPath: `journalctl --unit ${unit}`,
  };
}

const stateWords = new Map<string, ServiceState['state']>([
  ['active', 'running'],
  ['deactivating', 'running'],
  ['activating', 'running'],
  ['activating auto-restart', 'backing-off'],
  ['failed', 'crash-looping'],
]);

/** One that is not there is no error; its files stay. Throws `start-failed`. */
export async function stopUnit(host: Runner, spec: Pick<UnitSpec, 'deployment' | 'name'>): Promise<void> {
  const unit = unitName(spec);
  const { stdout } = await host.run(['systemctl', 'show', '--property', 'LoadState', unit], {
    timeoutMs: commandMs,
  });
  if (!stdout.includes('LoadState=loaded')) return;
  await must(host, ['systemctl', 'stop', unit], `The service ${spec.name} could not be stopped`);
}

/** Stops all services of a deployment and removes all that systemd knew of them, and the user. Throws `start-failed`. */
export async function removeUnits(host: Runner, deployment: string, user: string): Promise<void> {
  const failed = 'The services could not be removed';
  const pattern = `${unitPrefix(deployment)}*.service`;
  const listed = await must(
    host,
    ['find', unitFolder, '-maxdepth', '1', '-name', pattern, '-printf', '%f\\n'],
    failed,
  );
  const units = listed.stdout.split('\n').filter((unit) => unit !== '');
  if (units.length > 0) {
    await must(host, ['systemctl', 'disable', '--quiet', '--now', ...units], failed);
    await host.run(['systemctl', 'reset-failed', ...units], { timeoutMs: commandMs });
    await must(host, ['rm', '-f', ...units.map((unit) => `${unitFolder}/${unit}`)], failed);
    await must(host, ['systemctl', 'daemon-reload'], failed);
  }
  await must(host, ['rm', '-rf', environmentFolder(deployment)], failed);
  const known = await host.run(['id', '-u', user], { timeoutMs: commandMs });
  if (known.exitCode === 0) await must(host, ['userdel', user], failed);
}

/** Writes a file whole or not at all; true where it was another one before. The text goes over standard input. */
async function put(host: Runner, path: string, text: string, mode: string): Promise<boolean> {
  const script =
    'umask 077; mkdir -p -m 755 "${1%/*}"; cat >"$1.new"; chmod "$2" "$1.new"; ' +
    'if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv -f "$1.new" "$1" && echo changed; fi';
  const { stdout } = await must(
    host,
    ['sh', '-ec', script, 'sh', path, mode],
    `${path} could not be written`,
    commandMs,
    text,
  );
  return stdout.includes('changed');
}

async function must(
  host: Runner,
  command: readonly string[],
  message: string,
  timeoutMs = commandMs,
  input?: string,
): Promise<RunResult> {
  const result = await host.run(command, { timeoutMs, ...(input === undefined ? {} : { input }) });
  if (result.exitCode === 0) return result;
  throw new RelocateError('start-failed', message, {
    facts: { exitCode: result.exitCode, reason: result.stderr.trim().slice(-500) },
    hint: 'Mend what it says, then deploy again with --resume, or destroy the deployment.',
  });
}

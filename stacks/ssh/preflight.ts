import { RelocateError } from '../../src/errors.ts';
import { sshHost } from '../../src/hosts/ssh/host.ts';
import type { DeployRequest, Finding } from '../target.ts';
import type { SshOptions } from './options.ts';
import { transportOf } from './reach.ts';

const reserveBytes = 512 * 1024 * 1024;

/** Asks one thing after the other, a line for each answer. Changes nothing. */
const questions = `d=$1; while test ! -d "$d"; do d=$(dirname "$d"); done
echo "folder $d"
test -w "$d" && echo "writable yes" || echo "writable no"
echo "free $(df -Pk "$d" | awk 'NR == 2 { print $4 }')"
echo "system $(uname -s)"
echo "machine $(uname -m)"
echo "memory $(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)"
for tool in tar gzip; do command -v $tool >/dev/null 2>&1 || echo "lacking $tool"; done
docker compose version >/dev/null 2>&1 && docker version >/dev/null 2>&1 && echo "compose yes"
for p in "$(command -v initdb)" /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /usr/local/pgsql/bin/initdb; do
  test -x "$p" && "$p" --version | awk '{ print "postgres " $3 }'
done
true`;

/** Logs in and looks around; nothing there is changed. */
export async function preflightSsh(options: SshOptions, request: DeployRequest): Promise<Finding[]> {
  const host = sshHost(
    { ...transportOf(options), folder: request.folder, ports: {} },
    { patienceMs: 15_000 },
  );
  try {
    const result = await host.run(['/bin/sh', '-c', questions, 'sh', request.folder], { timeoutMs: 60_000 });
    return [
      { level: 'ok', code: 'credentials', message: `${options.host} lets us in` },
      ...judge(result.stdout, request),
    ];
  } catch (error) {
    if (!(error instanceof RelocateError)) throw error;
    const { message, hint } = error;
    return [{ level: 'refused', code: 'credentials', message, ...(hint === undefined ? {} : { hint }) }];
  } finally {
    await host.close();
  }
}

/** Pure. */
export function judge(answers: string, request: DeployRequest): Finding[] {
  const said = answers
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const);
  const all = (word: string) => said.filter(([name]) => name === word).map(([, value]) => value);
  const first = (word: string) => all(word)[0] ?? '';
  const findings: Finding[] = [];
  const add = (ok: boolean, code: string, message: string, hint?: string) =>
    findings.push({
      level: ok ? 'ok' : 'refused',
      code,
      message,
      ...(ok || hint === undefined ? {} : { hint }),
    });

  add(first('system') === 'Linux', 'system', `the host runs ${first('system')}`, 'It must be Linux.');
  add(
    first('writable') === 'yes',
    'folder-writable',
    `${first('folder')} ${first('writable') === 'yes' ? 'can' : 'cannot'} be written to`,
    'Choose another folder for the target, or log in as its owner.',
  );
  const freeBytes = Number(first('free')) * 1024;
  add(
    freeBytes >= request.sizeBytes + reserveBytes,
    'disk-room',
    `${request.sizeBytes} bytes to restore, ${freeBytes} bytes free at ${first('folder')}`,
    'Free some room, or choose a folder on another disk for the target.',
  );
  const lacking = all('lacking');
  add(
    lacking.length === 0,
    'tools',
    lacking.length === 0 ? 'tar and gzip are there' : `there is no ${lacking.join(', ')}`,
    'Install it there.',
  );
  if (request.services?.kind === 'compose')
    add(
      first('compose') === 'yes',
      'compose',
      `Docker with Compose ${first('compose') === 'yes' ? 'answers' : 'does not answer'} there`,
      'Install Docker Engine with its Compose plugin there.',
    );
  const majors = request.databases.filter(({ kind }) => kind === 'postgres').map((one) => one.majorVersion);
  if (majors.length > 0) findings.push(judgePostgres(all('postgres'), Math.max(...majors)));
  const memoryBytes = Number(first('memory')) * 1024;
  if (request.needs !== undefined && memoryBytes < request.needs.memoryBytes)
    findings.push({
      level: 'warning',
      code: 'memory',
      message: `The app may want ${request.needs.memoryBytes} bytes of memory; ${memoryBytes} are available there.`,
    });
  return findings;
}

function judgePostgres(versions: readonly string[], major: number): Finding {
  const found = versions.find((version) => Number.parseInt(version, 10) >= major);
  if (found !== undefined) return { level: 'ok', code: 'postgres', message: `PostgreSQL ${found} is there` };
  const there = versions.length === 0 ? 'none' : versions.join(', ');
  return {
    level: 'refused',
    code: 'postgres',
    message: `The app needs PostgreSQL ${major} or newer on the host; found: ${there}`,
    hint: `Install it there (Debian: apt install postgresql-${major}); it need not be running.`,
  };
}

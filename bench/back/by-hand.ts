import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Lab } from '../../test/lab/index.ts';
import { hcloud } from '../../test/lab/support/hcloud.ts';

const execute = promisify(execFile);

export interface ByHand {
  /** From the order of a machine until it lets somebody in. */
  bootMs: number;
  /** From there until the app answered through the machine's address. */
  backMs: number;
  /** When each step began, in seconds since 1970 by the machine's clock. */
  steps: string[];
}

export interface Kept {
  restic: string;
  repository: string;
  environment: Record<string, string>;
  /** Where the app lay when it was saved; it gets there again. */
  appFolder: string;
}

/**
 * What an engineer does who has restic, a dump and this list of commands at hand, and makes no mistake: a machine,
 * then one command after the other. The programs are on the machine before the watch starts.
 */
export async function bringBackByHand(lab: Lab, folder: string, kept: Kept): Promise<ByHand> {
  const key = join(folder, 'key');
  await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  await hcloud(lab, 'ssh-key', 'create', '--name', 'by-hand', '--public-key-from-file', `${key}.pub`);
  const orderedMs = performance.now();
  await hcloud(
    lab,
    'server',
    'create',
    '--name',
    'by-hand',
    '--type',
    'cx22',
    '--image',
    'debian-12',
    '--ssh-key',
    'by-hand',
  );
  const address = (await hcloud(lab, 'server', 'ip', 'by-hand')).trim();
  const ssh = sshTo(address, key);
  while ((await ssh('true').catch(() => 1)) !== 0) await sleep(100);
  const bootMs = performance.now() - orderedMs;

  const copy = `cat > /usr/local/bin/NAME && chmod +x /usr/local/bin/NAME`;
  for (const [name, path] of [
    ['restic', kept.restic],
    ['node', process.execPath],
  ] as const) {
    await execute('sh', [
      '-c',
      `exec ssh ${ssh.flags.join(' ')} '${copy.replaceAll('NAME', name)}' < "$0"`,
      path,
    ]);
  }
  const startedMs = performance.now();
  const output = await ssh.script(script(kept));
  await untilAnswers(`http://${address}/healthz`);
  const backMs = performance.now() - startedMs;
  await hcloud(lab, 'server', 'delete', 'by-hand');
  await hcloud(lab, 'ssh-key', 'delete', 'by-hand');
  return { bootMs, backMs, steps: output.trim().split('\n') };
}

const script = ({ repository, environment, appFolder }: Kept): string => `set -e
${Object.entries(environment)
  .map(([name, value]) => `export ${name}='${value}'`)
  .join('\n')}
step() { date "+%s.%N $1"; }
step restic
restic --no-cache -q -r '${repository}' restore latest --target / >/dev/null
step postgresql
pg_ctlcluster 15 main start 2>/dev/null || pg_createcluster --start 15 main >/dev/null
su postgres -c "psql -qc \\"create role writer login password 'of the old host'\\" -c 'create database notes owner writer'"
step psql
PGPASSWORD='of the old host' psql -q -h 127.0.0.1 -U writer -d notes -f '${appFolder}.sql' >/dev/null
step start
cd '${appFolder}'
set -a; . ./.env; set +a
DATABASE_URL='postgres://writer:of%20the%20old%20host@127.0.0.1:5432/notes' PORT=8080 setsid node server.js >/dev/null 2>&1 </dev/null &
setsid caddy reverse-proxy --from :80 --to 127.0.0.1:8080 >/dev/null 2>&1 </dev/null &
step done
`;

interface Ssh {
  (command: string): Promise<number | null>;
  script(text: string): Promise<string>;
  flags: string[];
}

function sshTo(address: string, key: string): Ssh {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'ConnectTimeout=2',
    'LogLevel=ERROR',
  ];
  const flags = ['-F', 'none', '-i', key, ...options.flatMap((one) => ['-o', one]), `root@${address}`];
  const run = async (command: string): Promise<number | null> => {
    const [code] = await once(spawn('ssh', [...flags, command], { stdio: 'ignore' }), 'exit');
    return typeof code === 'number' ? code : null;
  };
  const runScript = async (text: string): Promise<string> => {
    await writeFile(`${key}.sh`, text);
    const { stdout } = await execute('sh', ['-c', `exec ssh ${flags.join(' ')} sh -s < "$0"`, `${key}.sh`]);
    return stdout;
  };
  return Object.assign(run, { script: runScript, flags });
}

async function untilAnswers(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    await sleep(50);
  }
}

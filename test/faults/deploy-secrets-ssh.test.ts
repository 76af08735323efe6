import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accessOf, clientKeyOf } from '../../src/relocation/host-access.ts';
import { startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { relocate } from '../support/cli.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import { deploymentsIn } from '../support/deploy-runs.ts';
import { machineOf } from '../support/lab-facts.ts';
import { hasPostgres } from '../support/postgres.ts';
import { readQuietly } from '../support/read-quietly.ts';
import {
  deriveOf,
  filesIn,
  findings,
  secretsOf,
  watchProcesses,
  type SeenProcess,
} from '../support/secret-watch.ts';

const problem = whyNoMachines() ?? ((await hasPostgres()) ? undefined : 'needs PostgreSQL');
const suite = problem === undefined ? describe : describe.skip;
const mark = `ssh-secrets-${process.pid}-${Date.now()}`;

suite(
  `from snapshot to a host at a provider, no secret${problem === undefined ? '' : ` (${problem})`}`,
  () => {
    let lab: Lab;
    let app: LostApp;
    let operator: SeenProcess[];
    let host: SeenProcess[];
    let said = '';
    let files: Map<string, string>;
    let filesThere: Map<string, { text: string; mode: number }>;
    let secrets: Record<string, string>;

    beforeAll(async () => {
      lab = await startLab();
      app = await loseApp();
      const state = join(app.folder, 'state');
      const env = { ...lab.environment, RELOCATE_TEST_MARK: mark };
      const say = async (...args: string[]) => {
        const all = ['-r', app.repositoryUrl, '--state', state, '-v', ...args];
        const { stdout, stderr, exitCode } = await relocate(all, { cwd: app.folder, env });
        said += stdout + stderr;
        expect(`${args.join(' ')} ${exitCode}\n${stderr}`).toMatch(`${args.join(' ')} 0`);
      };
      const watchOperator = watchProcesses((environment) => environment.includes(mark));
      const watchHost = watchProcesses((_, pid) => isOnHost(pid));
      await say('deploy', '--to', 'hetzner');
      const [deployment = ''] = deploymentsIn(app, 'state');
      const derive = await deriveOf(app, deployment);
      secrets = {
        ...(await secretsOf(app, deployment)),
        'the provider’s token': lab.token,
        'the seed of the client’s key': derive('ssh/client-key'),
        'the client’s private key': secretLineOf(clientKeyOf(derive, deployment).privateKey),
        'the seed of the host’s key': derive('ssh/host-key'),
        'the host’s private key': secretLineOf(accessOf(derive, deployment).hostKey.privateKey),
      };
      files = await filesIn(state);
      await say('status', '--json');
      await say('deploy', '--to', 'hetzner', '--resume', '--json');
      filesThere = await filesOnHost();
      await say('destroy', '--to', 'hetzner', '--json');
      files = new Map([...files, ...(await filesIn(state))]);
      operator = watchOperator();
      host = watchHost();
    }, 300_000);

    const isOnHost = (pid: string): boolean => machineOf(lab, pid) !== undefined;

    /** All files that are newer than the machine, read past its own view of who may. */
    async function filesOnHost(): Promise<Map<string, { text: string; mode: number }>> {
      const [id = 0] = lab.state.servers.map((server) => server.id);
      const init = readdirSync('/proc').find(
        (pid) =>
          /^\d+$/.test(pid) && isOnHost(pid) && /^NSpid:\t\d+\t1$/m.test(readQuietly(`/proc/${pid}/status`)),
      );
      const places = ['/', '/srv/relocate', '/run', '/tmp', '/dev/shm'];
      // Made or changed since: a restored file has the time it had.
      const newer = ['-cnewer', '/etc/lab-serial'];
      const found = await lab.machines.inside(id, [
        'find',
        ...places,
        '-xdev',
        '-type',
        'f',
        ...newer,
        '-printf',
        '%m %p\\n',
      ]);
      const lines = found.split('\n').filter(Boolean);
      const entries = await Promise.all(
        lines.map(async (line) => {
          const mode = line.slice(0, line.indexOf(' '));
          const path = line.slice(mode.length + 1);
          const text = await readFile(`/proc/${init}/root${path}`, 'latin1').catch(() => '');
          return [path, { text, mode: Number.parseInt(mode, 8) }] as const;
        }),
      );
      return new Map(entries);
    }

    afterAll(async () => {
      await app.remove();
      await lab.close();
    });

    const argumentsIn = (processes: SeenProcess[]) =>
      processes.map((one) => [one.arguments, one.arguments] as const);

    test('is in an argument list of any process, here or there', () => {
      const seenHere = operator.map((one) => one.arguments).join('\n');
      for (const name of ['pulumi up', 'pulumi destroy', 'plugin/main.ts', 'ssh -G']) {
        expect(seenHere).toContain(name);
      }
      const seenThere = host.map((one) => one.arguments).join('\n');
      for (const name of [
        'agent-main',
        'initdb',
        'pg_restore',
        'relocate: web',
        'node server.js',
        'caddy run',
      ]) {
        expect(seenThere).toContain(name);
      }
      expect(findings(secrets, argumentsIn([...operator, ...host]))).toEqual([]);
    });

    test('is in the environment of a process here that does not need it', () => {
      // Programs of the user's own that run before the engine does: with the user's own environment.
      const users = /bin\/relocate|dist\/src\/main\.js|bin\/pulumi version|^ssh -G/;
      const others = operator.filter((one) => !users.test(one.arguments));
      expect(others.length).toBeGreaterThan(5);
      const found = findings(
        secrets,
        others.map((one) => [one.arguments, one.environment] as const),
      );
      const names = new Set(found.map((line) => line.slice(0, line.indexOf(': '))));
      // The engine and the provider's plugin.
      expect([...names].toSorted()).toEqual(['the provider’s token', 'the stack’s passphrase']);
    });

    test('is in the environment of a process there, but for the database’s own password', () => {
      const found = findings(
        secrets,
        host.map(
          (one) => [one.arguments.replace(/^\S*\//, '').split(' ')[0] ?? '', one.environment] as const,
        ),
      );
      const allowed = [
        'the new server’s password: pg_restore',
        'the new server’s password: psql',
        'the new server’s password: vacuumdb',
        'the new database’s password: node',
        'the new database’s password: sh',
      ];
      expect(found.filter((line) => !allowed.includes(line))).toEqual([]);
      expect(found).toContain('the new database’s password: node');
    });

    test('is in a file there, but for the app’s own and the host’s own key', () => {
      const names = [...filesThere.keys()].join('\n');
      for (const name of [
        'cloud-init.log',
        'web.log',
        'run/web.json',
        'postgres/db/',
        '/agent/',
        '/code/.env',
      ]) {
        expect(names).toContain(name);
      }
      // Comments in our own program speak of files that “hold secrets”: they say “old secret”.
      const others = [...filesThere].filter(([path]) => !/\/agent\/build-[^/]+\/dist\//.test(path));
      const found = findings(
        secrets,
        others.map(([path, { text, mode }]) => [`${path} ${mode.toString(8)}`, text] as const),
      );
      // As it was captured, for its owner alone.
      const ownFile = /^the old [^:]*: \/srv\/relocate\/[^/]+\/code\/\.env 600$/;
      // The provider hands it to the machine in cloud-init's user data, and there is no other way to give a machine that
      // was not made yet a key that is known before: root alone may read it, and it opens nothing but this machine's name.
      const hostKey =
        /^the host’s private key: (\/etc\/ssh\/ssh_host_ed25519_key|\/var\/lib\/cloud\/instances\/\d+\/\S+) [46]00$/;
      expect(found.filter((line) => !ownFile.test(line) && !hostKey.test(line))).toEqual([]);
      // What was looked for was there to be found.
      expect(found.filter((line) => ownFile.test(line))).not.toEqual([]);
      expect(found.filter((line) => hostKey.test(line))).not.toEqual([]);
    });

    test('is in clear in a file here: journal, plan, reports, the stack’s state', () => {
      const names = [...files.keys()].join('\n');
      for (const name of ['journal.jsonl', 'plan.json', 'report.json', 'report.html', '/stacks/']) {
        expect(names).toContain(name);
      }
      expect(findings(secrets, files)).toEqual([]);
    });

    test('is in what the commands say', () => {
      expect(said).toContain('DATABASE_URL');
      expect(findings(secrets, [['the output', said]])).toEqual([]);
    });
  },
);

/** The line of a private key's text that holds its secret half, of which JSON and YAML leave each character alone. */
function secretLineOf(privateKey: string): string {
  const line = privateKey.split('\n')[4] ?? '';
  expect(line).toHaveLength(70);
  return line;
}

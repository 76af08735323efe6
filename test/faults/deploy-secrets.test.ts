import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findSecrets } from '../../src/relocation/deployment-keys.ts';
import { relocate, testPassword } from '../support/cli.ts';
import { loseApp, lostAppPrefix, type LostApp } from '../support/deploy-app.ts';
import { deploymentsIn } from '../support/deploy-runs.ts';
import { hasPostgres } from '../support/postgres.ts';

const canRun = process.platform === 'linux' && (await hasPostgres());
const suite = canRun ? describe : describe.skip;

suite('from snapshot to destroy, no secret (needs Linux and PostgreSQL)', () => {
  let app: LostApp;
  let watched: Set<string>;
  let said = '';
  let files: Map<string, string>;
  let secrets: Record<string, string>;

  beforeAll(async () => {
    const watch = watchArguments();
    app = await loseApp();
    const places = ['-r', app.repositoryUrl, '--state', join(app.folder, 'state'), '-v'];
    const say = async (...args: string[]) => {
      const { stdout, stderr, exitCode } = await relocate([...places, ...args], { cwd: app.folder });
      said += stdout + stderr;
      expect(`${args.join(' ')} ${exitCode}\n${stderr}`).toMatch(`${args.join(' ')} 0`);
    };
    await say('deploy', '--to', 'local');
    const [deployment = ''] = deploymentsIn(app, 'state');
    secrets = await secretsOf(app, deployment);
    files = await filesIn(join(app.folder, 'state'));
    await say('status', '--json');
    await say('deploy', '--to', 'local', '--resume', '--json');
    await say('destroy', '--to', 'local', '--json');
    files = new Map([...files, ...(await filesIn(join(app.folder, 'state')))]);
    watched = watch();
  }, 180_000);

  afterAll(() => app.remove());

  const findings = (texts: Iterable<[where: string, text: string]>): string[] =>
    [...texts].flatMap(([where, text]) =>
      Object.entries(secrets).flatMap(([name, secret]) =>
        text.includes(secret) ? [`${name}: ${where}`] : [],
      ),
    );

  test('is in an argument list of any process', () => {
    const programs = [...watched].join('\n');
    // What was watched for was there to be seen.
    for (const name of ['pg_dump', 'pg_restore', 'pulumi', 'supervisor-main', 'initdb']) {
      expect(programs).toContain(name);
    }
    expect(findings([...watched].map((line) => [line, line]))).toEqual([]);
  });

  test('is in clear in a file of ours: journal, plan, reports, the stack’s state, records and logs', () => {
    const names = [...files.keys()].join('\n');
    for (const name of ['journal.jsonl', 'plan.json', 'report.html', 'web.json', 'clock.log', '/stacks/']) {
      expect(names).toContain(name);
    }
    // The app's own file, as it was captured.
    const ours = [...files].filter(([name]) => !name.endsWith('/code/.env'));
    expect(ours).toHaveLength(files.size - 1);
    expect(findings(ours)).toEqual([]);
  });

  test('is in what the commands say, and what they say names the database nevertheless', () => {
    expect(said).toContain('DATABASE_URL');
    expect(findings([['the output', said]])).toEqual([]);
  });
});

const mark = `secrets-${process.pid}-${Date.now()}`;

async function secretsOf(app: LostApp, deployment: string): Promise<Record<string, string>> {
  const repository = await app.open();
  try {
    const root = repository.copies[0]?.key?.deriveSecret(`deployment/${deployment}`) ?? '';
    const derive = await findSecrets(repository, { deployment, folder: '', leadId: repository.id });
    if (derive === undefined) throw new Error('no secrets');
    return {
      'the root of its secrets': root,
      'the repository’s password': testPassword,
      'the old database’s password': 'old secret',
      'the old one, as in a URL': 'old%20secret',
      'the new database’s password': derive(`postgres/${deployment}/db`),
      'the new server’s password': derive(`postgres/${deployment}/db/admin`),
      'the stack’s passphrase': derive(`pulumi/${deployment}`),
    };
  } finally {
    await repository.close();
  }
}

/**
 * Argument lists of the test's processes, however far from it, until the returned function is called. What else runs on
 * the machine may have the test's password in its own.
 */
function watchArguments(): () => Set<string> {
  const seen = new Set<string>();
  process.env['RELOCATE_TEST_MARK'] = mark;
  // Services and their supervisors get an environment of their own, which names their folder.
  const isOurs = (environment: string) => environment.includes(mark) || environment.includes(lostAppPrefix);
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid) || !isOurs(readQuietly(`/proc/${pid}/environ`))) continue;
      seen.add(readQuietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' '));
    }
  }, 10);
  return () => {
    clearInterval(timer);
    delete process.env['RELOCATE_TEST_MARK'];
    return seen;
  };
}

async function filesIn(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(path, 'latin1')] as const)),
  );
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { relocate } from '../support/cli.ts';
import { loseApp, lostAppPrefix, type LostApp } from '../support/deploy-app.ts';
import { deploymentsIn } from '../support/deploy-runs.ts';
import { hasPostgres } from '../support/postgres.ts';
import { filesIn, findings, secretsOf, watchProcesses } from '../support/secret-watch.ts';

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

  test('is in an argument list of any process', () => {
    const programs = [...watched].join('\n');
    // What was watched for was there to be seen.
    for (const name of ['pg_dump', 'pg_restore', 'pulumi', 'supervisor-main', 'initdb']) {
      expect(programs).toContain(name);
    }
    expect(
      findings(
        secrets,
        [...watched].map((line) => [line, line]),
      ),
    ).toEqual([]);
  });

  test('is in clear in a file of ours: journal, plan, reports, the stack’s state, records and logs', () => {
    const names = [...files.keys()].join('\n');
    for (const name of ['journal.jsonl', 'plan.json', 'report.html', 'web.json', 'clock.log', '/stacks/']) {
      expect(names).toContain(name);
    }
    // The app's own file, as it was captured.
    const ours = [...files].filter(([name]) => !name.endsWith('/code/.env'));
    expect(ours).toHaveLength(files.size - 1);
    expect(findings(secrets, ours)).toEqual([]);
  });

  test('is in what the commands say, and what they say names the database nevertheless', () => {
    expect(said).toContain('DATABASE_URL');
    expect(findings(secrets, [['the output', said]])).toEqual([]);
  });
});

const mark = `secrets-${process.pid}-${Date.now()}`;

/**
 * Argument lists of the test's processes, however far from it, until the returned function is called. What else runs on
 * the machine may have the test's password in its own.
 */
function watchArguments(): () => Set<string> {
  process.env['RELOCATE_TEST_MARK'] = mark;
  // Services and their supervisors get an environment of their own, which names their folder.
  const stop = watchProcesses(
    (environment) => environment.includes(mark) || environment.includes(lostAppPrefix),
  );
  return () => {
    delete process.env['RELOCATE_TEST_MARK'];
    return new Set(stop().map((seen) => seen.arguments));
  };
}

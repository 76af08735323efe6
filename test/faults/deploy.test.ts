import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseJournal } from '../../src/relocation/journal.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import { hasPostgres } from '../support/postgres.ts';
import { seeded } from '../support/random.ts';

const driver = fileURLToPath(new URL('deploy/driver.ts', import.meta.url));
const canRun = process.platform === 'linux' && (await hasPostgres());
// Processes are counted in /proc, and an app with a database is what there is to lose.
const suite = canRun ? describe : describe.skip;

suite('a deploy that is killed with SIGKILL (needs Linux and PostgreSQL)', () => {
  let app: LostApp;
  let undisturbed: DeployReport;

  beforeAll(async () => {
    app = await loseApp();
    undisturbed = reportOf(await run(app, 'deploy', 'undisturbed'));
  }, 120_000);

  afterAll(async () => {
    await run(app, 'destroy', 'undisturbed');
    expect(processesOf(join(app.folder, 'undisturbed'))).toEqual([]);
    await app.remove();
  }, 60_000);

  test('at every line of its journal, and resumed each time, ends as an undisturbed one', async () => {
    expect(undisturbed.outcome).toBe('passed');
    const state = 'chain';
    const seen = new Set<string>();
    let result = await run(app, 'deploy', state, killAtNewLine(app, state, seen));
    let kills = 0;
    while (result.killed && kills < 60) {
      kills += 1;
      const action = (await deploymentsIn(app, state)).length === 0 ? 'deploy' : 'resume';
      result = await run(app, action, state, killAtNewLine(app, state, seen));
    }
    expect(kills).toBeGreaterThanOrEqual(20);
    expectSame(reportOf(result), undisturbed, app);
    await expectAnswers(reportOf(result));
    expect(await deploymentsIn(app, state)).toHaveLength(1);
    expect(clustersOf(join(app.folder, state))).toHaveLength(1);

    expect((await run(app, 'destroy', state)).exitCode).toBe(0);
    await expectGone(app, state);
  }, 600_000);

  test('at random moments ends as an undisturbed one, or is destroyed without a trace', async () => {
    const random = seeded(20_260_131);
    for (const round of [1, 2, 3, 4]) {
      const state = `random-${round}`;
      const killed = await run(app, 'deploy', state, () => sleep(300 + random.int(9_000)));
      const begun = (await deploymentsIn(app, state)).length > 0;
      if (round % 2 === 0) {
        const result = await run(app, begun ? 'resume' : 'deploy', state);
        expect(result.stderr).toBe('');
        expectSame(reportOf(result), undisturbed, app);
      }
      expect(killed.killed || killed.exitCode === 0).toBe(true);
      expect((await run(app, 'destroy', state)).exitCode).toBe(0);
      await expectGone(app, state);
    }
  }, 300_000);

  test('while it is destroyed is destroyed by the next run', async () => {
    const state = 'destroying';
    reportOf(await run(app, 'deploy', state));
    for (const delayMs of [900, 1_800, 3_000, 4_500]) await run(app, 'destroy', state, () => sleep(delayMs));
    expect((await run(app, 'destroy', state)).exitCode).toBe(0);
    await expectGone(app, state);
  }, 120_000);

  test('a second deploy at the same time is refused, and disturbs nothing', async () => {
    const state = 'busy';
    const first = run(app, 'deploy', state);
    const journal = () => readJournalText(app, state);
    while (!journal().includes('"provision"')) await sleep(20);
    const second = await run(app, 'deploy', state);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: 'deployment-busy' });
    expectSame(reportOf(await first), undisturbed, app);
    expect((await run(app, 'destroy', state)).exitCode).toBe(0);
    await expectGone(app, state);
  }, 120_000);

  test('Ctrl-C ends it within 2 s with the command to go on', async () => {
    const state = 'interrupted';
    let interruptedAt = 0;
    const interrupt = async (kill: (signal: NodeJS.Signals) => void) => {
      while (!readJournalText(app, state).includes('"restore:db"')) await sleep(5);
      interruptedAt = performance.now();
      kill('SIGINT');
    };
    const result = await run(app, 'deploy', state, interrupt, 'by itself');
    expect(performance.now() - interruptedAt).toBeLessThan(2_000);
    expect(JSON.parse(result.stdout)).toMatchObject({
      error: 'interrupted',
      hint: expect.stringContaining('relocate deploy --to local --resume'),
    });
    expectSame(reportOf(await run(app, 'resume', state)), undisturbed, app);
    expect((await run(app, 'destroy', state)).exitCode).toBe(0);
    await expectGone(app, state);
  }, 120_000);
});

interface Run {
  killed: boolean;
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

type Moment = (kill: (signal: NodeJS.Signals) => void, ended: AbortSignal) => Promise<unknown>;

/** Runs the driver; when `moment` comes before its end, it is killed, or left to what `moment` did to it. */
async function run(
  app: LostApp,
  action: 'deploy' | 'resume' | 'destroy',
  state: string,
  moment?: Moment,
  after: 'kill' | 'by itself' = 'kill',
): Promise<Run> {
  const child = spawn(
    process.execPath,
    ['--no-warnings', driver, action, app.repositoryUrl, join(app.folder, state)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new AbortController();
  // What the driver started may hold its output open for longer than it lives.
  const exit = once(child, 'exit').finally(() => ended.abort());
  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  if (moment !== undefined) {
    const killing = moment(kill, ended.signal).then(() => after === 'kill' && kill('SIGKILL'));
    await Promise.race([killing, exit]);
  }
  await exit;
  await sleep(50);
  return { killed: child.signalCode === 'SIGKILL', exitCode: child.exitCode, stdout, stderr };
}

/** The moment at which the journal has a line, of a step begun or done, that it never had before. */
function killAtNewLine(app: LostApp, state: string, seen: Set<string>): Moment {
  return async (_kill, ended) => {
    while (!ended.aborted) {
      const fresh = journalLines(app, state).find((line) => !seen.has(line));
      if (fresh !== undefined) {
        seen.add(fresh);
        return;
      }
      await sleep(1);
    }
    await new Promise(() => {});
  };
}

function journalLines(app: LostApp, state: string): string[] {
  const text = readJournalText(app, state);
  return text === ''
    ? []
    : parseJournal(Buffer.from(text)).entries.map(({ type, step }) => `${type} ${step}`);
}

function readJournalText(app: LostApp, state: string): string {
  const folder = join(app.folder, state, 'deployments');
  try {
    const [name] = readdirSync(folder).filter((entry) => !entry.startsWith('.'));
    return name === undefined ? '' : readFileSync(join(folder, name, 'journal.jsonl'), 'utf8');
  } catch {
    return '';
  }
}

async function deploymentsIn(app: LostApp, state: string): Promise<string[]> {
  const names = await readdir(join(app.folder, state, 'deployments')).catch(() => []);
  return names.filter((name) => !name.startsWith('.'));
}

function reportOf(result: Run): DeployReport {
  if (result.exitCode !== 0) throw new Error(`${result.stdout}\n${result.stderr}`);
  return JSON.parse(result.stdout) as DeployReport;
}

/** All but names, ports, times and process numbers. */
function expectSame(report: DeployReport, undisturbed: DeployReport, app: LostApp): void {
  expect(essence(report, app)).toEqual(essence(undisturbed, app));
}

function essence(report: DeployReport, app: LostApp): unknown {
  const { outcome, verify, restored, environment, services, gaps, steps } = report;
  const value = {
    outcome,
    data: verify?.data.map(({ name, outcome, facts, differences }) => ({
      name,
      outcome,
      facts,
      differences,
    })),
    checks: verify?.checks.map(({ title, outcome }) => ({ title, outcome })),
    restored: restored.map(({ name, items, sizeBytes }) => ({ name, items, sizeBytes })),
    environment,
    services: services.map(({ name, pid }) => ({ name, runs: pid !== undefined })),
    steps: steps.map(({ id, outcome }) => ({ id, done: outcome === 'done' || outcome === 'resumed' })),
    gaps,
  };
  const text = JSON.stringify(value)
    .replaceAll(report.folder, 'HOST')
    .replaceAll(report.deployment, 'DEPLOYMENT')
    .replaceAll(app.folder, 'TEST')
    .replaceAll(/\b2\d{4}\b/g, 'PORT');
  return JSON.parse(text);
}

async function expectAnswers({ services, deployment }: DeployReport): Promise<void> {
  const web = services.find(({ name }) => name === 'web');
  const response = await fetch(`http://${web?.address}/`);
  expect(await response.json()).toEqual({ uploads: 40, archive: 1, database: true, deployment });
}

async function expectGone(app: LostApp, state: string): Promise<void> {
  const folder = join(app.folder, state);
  expect(await readdir(join(folder, 'deployments')).catch(() => [])).toEqual([]);
  // An engine or a tool that lost its parent ends by itself, a little later.
  for (let tries = 0; tries < 100 && processesOf(folder).length > 0; tries += 1) await sleep(100);
  expect(processesOf(folder)).toEqual([]);
  expect(clustersOf(folder)).toEqual([]);
  expect(await leasesOf(folder)).toEqual([]);
}

/** Processes that have the folder in their command line, their environment, or stand in it. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      const text = ['cmdline', 'environ'].map((name) => readQuietly(`/proc/${pid}/${name}`)).join('\0');
      return text.includes(`${folder}/`) ? [`${pid}: ${text.split('\0').slice(0, 4).join(' ')}`] : [];
    });
}

/** Postmasters among the processes of a deployment. */
function clustersOf(folder: string): string[] {
  return processesOf(folder).filter((line) => /\/postgres -D /.test(line));
}

async function leasesOf(folder: string): Promise<string[]> {
  const leases = join(
    process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'),
    'relocate',
    'ports',
  );
  const names = await readdir(leases).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(leases, name), 'utf8').catch(() => '')));
  return texts.filter((text) => text.includes(`${folder}/`));
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

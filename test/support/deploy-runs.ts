import { expect } from '@jest/globals';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJournal } from '../../src/relocation/journal.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { resultOf, startRelocate } from './cli.ts';
import type { LostApp } from './deploy-app.ts';
import type { seeded } from './random.ts';
import { readQuietly } from './read-quietly.ts';

/** Deploys of a lost app by the program itself, as a person starts it, ended at moments that a test chooses. */

/** RELOCATE_TEST_DEPLOY_KILLS=20 kills at every line of the journal and at 20 random moments: some ten minutes. */
export const kills = killsOr(4);
export const isThorough = kills >= 20;

export function killsOr(usual: number): number {
  return Number(process.env['RELOCATE_TEST_DEPLOY_KILLS'] ?? usual);
}

/** Where a lost app is deployed to; to this machine where nothing is said. */
export interface Site extends LostApp {
  /** One target, or several with commas between. */
  to?: string;
  /** What the program needs in its environment for that. */
  env?: Record<string, string>;
}

export interface Run {
  killed: boolean;
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Settles when the signal is to be sent; `ended` aborts when the program ends before that. */
export type Moment = (ended: AbortSignal) => Promise<unknown>;

function argumentsOf(action: 'deploy' | 'resume' | 'destroy', to: string): string[] {
  const command = action === 'destroy' ? 'destroy' : 'deploy';
  return [command, '--to', to, ...(action === 'resume' ? ['--resume'] : []), '--json'];
}

/**
 * Runs the program with a state folder of its own; when `moment` comes before its end, it gets the signal. SIGKILL goes
 * to all that it has started here and that would die with the machine: the engine, the provider's plugin.
 */
export async function run(
  site: Site,
  action: 'deploy' | 'resume' | 'destroy',
  state: string,
  moment?: Moment,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<Run> {
  const places = ['-r', site.repositoryUrl, '--state', join(site.folder, state)];
  // Services and their supervisors have environments of their own, without this.
  const mark = `${process.pid}-${(runs += 1)}-${Date.now()}`;
  const { child, ended } = startRelocate([...places, ...argumentsOf(action, site.to ?? 'local')], {
    cwd: site.folder,
    env: { ...site.env, RELOCATE_TEST_RUN: mark },
  });
  const over = new AbortController();
  const exit = once(child, 'exit').finally(() => over.abort());
  if (moment !== undefined) {
    const send = () => {
      child.kill(signal);
      if (signal === 'SIGKILL') killMarked(`RELOCATE_TEST_RUN=${mark}\0`);
    };
    await Promise.race([moment(over.signal).then(send), exit]);
  }
  await exit;
  const killed = child.signalCode === 'SIGKILL';
  // What a killed program had started may hold its output open for longer than it lives.
  const { stdout, stderr } = killed ? { stdout: '', stderr: '' } : await ended;
  return { killed, exitCode: child.exitCode, stdout, stderr };
}

let runs = 0;

/** Until there are none: one may have started another before it was killed. */
function killMarked(mark: string): void {
  for (;;) {
    const found = readdirSync('/proc').filter(
      (pid) => /^\d+$/.test(pid) && readQuietly(`/proc/${pid}/environ`).includes(mark),
    );
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }
}

/**
 * A deploy that is killed at each of the wanted lines of its journal, and gone on with each time by the documented
 * command: to its end. The last line may come too late for a kill.
 */
export async function deployKilledAt(
  site: Site,
  state: string,
  lines: readonly string[],
): Promise<DeployReport> {
  const wanted = new Set(lines);
  let result = await run(site, 'deploy', state, atLine(site, state, wanted));
  let killed = 0;
  while (result.killed && killed < lines.length) {
    killed += 1;
    const action = deploymentsIn(site, state).length === 0 ? 'deploy' : 'resume';
    result = await run(site, action, state, atLine(site, state, wanted));
  }
  expect(killed).toBeGreaterThanOrEqual(lines.length - 1);
  if (result.killed) result = await run(site, 'resume', state);
  return reportOf(result);
}

export function sample<T>(all: readonly T[], count: number, random: ReturnType<typeof seeded>): T[] {
  const left = [...all];
  return Array.from({ length: count }, () => left.splice(random.int(left.length), 1)).flat();
}

/** The moment at which the journal has a line, of a step begun or done, that is among the wanted ones. */
export function atLine(app: LostApp, state: string, wanted: Set<string>): Moment {
  return async (ended) => {
    while (!ended.aborted) {
      const found = journalLines(app, state).find((line) => wanted.has(line));
      if (found !== undefined) {
        wanted.delete(found);
        return;
      }
      await sleep(1);
    }
    await new Promise(() => {});
  };
}

/** Such as "started restore:db", in the order written. */
export function journalLines(app: LostApp, state: string): string[] {
  const folder = join(app.folder, state, 'deployments');
  const [name] = namesIn(folder);
  const text = name === undefined ? '' : readQuietly(join(folder, name, 'journal.jsonl'));
  if (text === '') return [];
  return parseJournal(Buffer.from(text)).entries.map(({ type, step }) => `${type} ${step}`);
}

export function deploymentsIn(app: LostApp, state: string): string[] {
  return namesIn(join(app.folder, state, 'deployments'));
}

export function reportOf(result: Run): DeployReport {
  if (result.exitCode !== 0) throw new Error(`${result.stdout}\n${result.stderr}`);
  return resultOf<DeployReport>({ ...result, signal: null });
}

/** All but names, ports, times and process numbers. */
export function expectSame(report: DeployReport, undisturbed: DeployReport, app: LostApp): void {
  expect(essence(report, app)).toEqual(essence(undisturbed, app));
}

function essence(report: DeployReport, app: LostApp): unknown {
  const { outcome, data, checks, restored, environment, services, gaps, steps } = report;
  const value = {
    outcome,
    data: data.map((one) => ({ ...one, durationMs: undefined })),
    checks: checks?.map(({ title, outcome }) => ({ title, outcome })),
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

/** No process, cluster, port or folder of a deployment is left. */
export async function expectGone(app: LostApp, state: string): Promise<void> {
  const folder = join(app.folder, state);
  expect(deploymentsIn(app, state)).toEqual([]);
  // An engine or a tool that lost its parent ends by itself, a little later.
  for (let tries = 0; tries < 100 && processesOf(folder).length > 0; tries += 1) await sleep(100);
  expect(processesOf(folder)).toEqual([]);
  expect(await leasesOf(folder)).toEqual([]);
}

/** Processes that have the folder in their command line or their environment. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      const text = ['cmdline', 'environ'].map((name) => readQuietly(`/proc/${pid}/${name}`)).join('\0');
      return text.includes(`${folder}/`) ? [`${pid}: ${text.split('\0').slice(0, 4).join(' ')}`] : [];
    });
}

/** Postmasters among the processes of a deployment. */
export function clustersOf(folder: string): string[] {
  // By their folders: a server's child that was made just now still bears the server's own words.
  const folders = processesOf(folder).flatMap((line) => /\/postgres -D (\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(folders)];
}

async function leasesOf(folder: string): Promise<string[]> {
  const state = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  const leases = join(state, 'relocate', 'ports');
  const texts = namesIn(leases).map((name) => readFile(join(leases, name), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).filter((text) => text.includes(`${folder}/`));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((entry) => !entry.startsWith('.'));
  } catch {
    return [];
  }
}

// The whole way on one machine: a real app is captured, everything of it is lost, and it comes back. Started by bin/demo.
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { DeployReport } from '../../src/relocation/types.ts';
import { emptyBook, signBook, verifyBook, type Book } from './book.ts';
import { relocate, run } from './run.ts';
import { act, bytes, count, line, print, seconds } from './say.ts';
import { startSourceApp, type AtEnd, type SourceApp } from './source-app.ts';
import { makeWorkFolder, sizeOf, type WorkFolder } from './work-folder.ts';

const cleanUps: (() => Promise<void>)[] = [];
const atEnd: AtEnd = (step) => void cleanUps.unshift(step);

/** Set at Ctrl-C: between two steps, and at the end, the demo goes no further. */
let interrupted = false;

async function demo(keep: string | undefined): Promise<void> {
  const startedAt = Date.now();
  const work = await makeWorkFolder(keep);
  if (keep === undefined) atEnd(() => rm(work.path, { recursive: true, force: true }));

  act('A real app, with people using it');
  const book = emptyBook();
  const app = await startSourceApp(work.oldHost, atEnd);
  line(
    `The guestbook runs on ${app.address}, with PostgreSQL ${app.postgresVersion}, a folder of uploads, and SQLite.`,
  );
  await sign(app, book, { entries: 3000, pictures: 150, visits: 25 });
  goOn();

  act('Two snapshots, in the format of restic: no tool can hold them hostage');
  const atOldHost = accessFrom(work, app.folder);
  await relocate(['init', '--repository', '-q', ...atOldHost], { cwd: app.folder, show: () => [] });
  await snapshot(app.folder, atOldHost);
  const firstBytes = await sizeOf(work.repository);
  await sign(app, book, { entries: 500, pictures: 25, visits: 5 });
  await snapshot(app.folder, atOldHost);
  const addedBytes = (await sizeOf(work.repository)) - firstBytes;
  line(`The repository held ${bytes(firstBytes)} and grew by ${bytes(addedBytes)}: nothing is stored twice.`);
  goOn();

  act('The host is lost');
  await app.lose();
  line('App stopped; its code, database cluster, uploads and SQLite file deleted.');
  line('What is left: the repository, and the password.');
  goOn();

  act('It comes back, from the repository alone, in an empty folder');
  atEnd(() => destroy(work));
  await deploy(work);
  const report = await readReport(work);
  const address = `http://${report.services[0]?.address ?? 'nowhere'}`;
  goOn();

  act('Is it all there?');
  await verifyBook(address, book);
  line(
    `All ${count(book.entries.length)} entries, ${count(book.pictures.size)} pictures and ${book.visits} visits, asked for over HTTP, are as people sent them.`,
  );
  await checkWithRestic(work);
  goOn();

  if (keep !== undefined) {
    cleanUps.length = 0;
    sayWhatIsKept(work, address);
  } else {
    print('\nCleaning up. With --keep DIR the repository, the report and the running app stay.');
  }
  print(`\nDone in ${seconds(Date.now() - startedAt)}.`);
}

async function sign(app: SourceApp, book: Book, plan: Parameters<typeof signBook>[2]): Promise<void> {
  const startedAt = Date.now();
  await signBook(app.address, book, plan);
  const took = seconds(Date.now() - startedAt);
  line(`Signed ${count(plan.entries)} times, ${plan.pictures} pictures uploaded, over HTTP in ${took}.`);
}

/** One line of it: what was new, and what was stored. */
async function snapshot(folder: string, access: string[]): Promise<void> {
  await relocate(['snapshot', '-q', ...access], { cwd: folder, show: (lines) => lines.slice(-1) });
}

/** Verdict, address, phases, objectives, report; what was verified one by one stands in the report. */
async function deploy(work: WorkFolder): Promise<void> {
  // A terminal shows how far it is; a log needs no more than the end.
  const quiet = process.stderr.isTTY ? [] : ['-q'];
  await relocate(['deploy', '--to', 'local', ...quiet, ...accessFrom(work, work.newHost)], {
    cwd: work.newHost,
    show: (lines) => {
      const tally = lines.findIndex((one) => /^\d+ of \d+ sources/.test(one));
      return [...lines.slice(0, tally + 1), ...lines.filter((one) => one.startsWith('Report: '))];
    },
  });
}

/** The one deployment's report; its page is also put where it is easy to find. */
async function readReport(work: WorkFolder): Promise<DeployReport> {
  const deployments = deploymentsOf(work);
  const [name = ''] = await readdir(deployments);
  await copyFile(path.join(deployments, name, 'report.html'), work.report);
  return JSON.parse(await readFile(path.join(deployments, name, 'report.json'), 'utf8')) as DeployReport;
}

/** A second opinion on the repository, by a program that is not ours. */
async function checkWithRestic(work: WorkFolder): Promise<void> {
  const access = ['-r', work.repository, '--password-file', work.passwordFile, '--no-cache'];
  const ended = await run('restic', [...access, 'check', '--read-data'], { cwd: work.path });
  if (ended === undefined) {
    line('restic is not installed here, so it was not asked for a second opinion.');
    return;
  }
  const verdict = ended.said.trimEnd().split('\n').at(-1) ?? '';
  if (ended.exitCode !== 0) throw new Error(`restic check --read-data: ${verdict}`);
  line(`A second opinion, of stock restic (check --read-data): “${verdict}”.`);
}

function deploymentsOf(work: WorkFolder): string {
  return path.join(work.newHost, '.relocate', 'deployments');
}

async function destroy(work: WorkFolder): Promise<void> {
  // A deploy that was interrupted at its very beginning has made nothing yet.
  if ((await readdir(deploymentsOf(work)).catch(() => [])).length === 0) return;
  const args = ['destroy', '--to', 'local', '-q', ...accessFrom(work, work.newHost)];
  await relocate(args, { cwd: work.newHost, undisturbed: true, show: (lines) => lines.slice(0, 1) });
}

/** The options that open the repository, as typed in `folder`. The password itself is in a file, never in a command. */
function accessFrom(work: WorkFolder, folder: string): string[] {
  const from = (file: string): string => path.relative(folder, file);
  return ['-r', `file:${from(work.repository)}`, '--password-file', from(work.passwordFile)];
}

function sayWhatIsKept(work: WorkFolder, address: string): void {
  print(`\nKept in ${work.path}:`);
  line('repository    all snapshots, for relocate and for stock restic');
  line('password      opens them');
  line('report.html   what was deployed, how long each phase took, how it was verified');
  line(`The app is still running on ${address}. To stop and remove it:`);
  line(
    `cd ${work.newHost} && ${['relocate', 'destroy', '--to', 'local', ...accessFrom(work, work.newHost)].join(' ')}`,
  );
}

function goOn(): void {
  if (interrupted) throw new Error('interrupted');
}

async function cleanUp(): Promise<void> {
  for (const step of cleanUps.splice(0)) {
    await step().catch((error: unknown) => {
      process.exitCode = 1;
      print(`Clean-up: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!interrupted) print('\nInterrupted; cleaning up …');
    interrupted = true;
  });
}

try {
  const { values } = parseArgs({ options: { keep: { type: 'string' } } });
  await demo(values.keep);
} catch (error) {
  if (!interrupted) print(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = interrupted ? 130 : 1;
} finally {
  await cleanUp();
}

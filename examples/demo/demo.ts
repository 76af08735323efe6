// The whole way on one machine: a real app is captured, everything of it is lost, and it comes back. Started by bin/demo.
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { DeployReport } from '../../src/relocation/types.ts';
import { emptyBook, signBook, verifyBook, type Book } from './book.ts';
import { relocate, run } from './run.ts';
import { act, bytes, count, line, print, seconds, why } from './say.ts';
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

  act('The first snapshot');
  why(
    'Database, uploads, SQLite and code of one moment, in the format of restic: no tool can hold it hostage.',
  );
  const atOldHost = accessFrom(work, app.folder);
  await relocate(['init', '--repository', ...atOldHost], { cwd: app.folder });
  await relocate(['snapshot', ...atOldHost], { cwd: app.folder });
  const firstBytes = await sizeOf(work.repository);
  line(`The repository holds ${bytes(firstBytes)}.`);
  goOn();

  act('Life goes on, and a second snapshot');
  await sign(app, book, { entries: 500, pictures: 25, visits: 5 });
  await relocate(['snapshot', ...atOldHost], { cwd: app.folder });
  const addedBytes = (await sizeOf(work.repository)) - firstBytes;
  line(`The repository grew by ${bytes(addedBytes)}: what was there already is not stored again.`);
  goOn();

  act('The host is lost');
  await app.lose();
  line('App stopped; its code, database cluster, uploads and SQLite file deleted.');
  why('What is left: the repository, and the password.');
  goOn();

  act('It comes back, from the repository alone, in an empty folder');
  atEnd(() => destroy(work));
  await relocate(['deploy', '--to', 'local', ...accessFrom(work, work.newHost)], { cwd: work.newHost });
  const report = await readReport(work);
  const address = `http://${report.services[0]?.address ?? 'nowhere'}`;
  goOn();

  act('Is it all there?');
  await verifyBook(address, book);
  line(
    `All ${count(book.entries.length)} entries, ${count(book.pictures.size)} pictures and ${book.visits} visits, asked for over HTTP,`,
  );
  line(`are byte for byte what people sent. It answers on ${address} now.`);
  await checkWithRestic(work);
  goOn();

  if (keep !== undefined) {
    cleanUps.length = 0;
    sayWhatIsKept(work, address);
  } else {
    line('Cleaning up. With --keep DIR the repository, the report and the running app stay.');
  }
  print(`\nDone in ${seconds(Date.now() - startedAt)}.`);
}

async function sign(app: SourceApp, book: Book, plan: Parameters<typeof signBook>[2]): Promise<void> {
  const startedAt = Date.now();
  await signBook(app.address, book, plan);
  const took = seconds(Date.now() - startedAt);
  line(`Signed it ${count(plan.entries)} times and uploaded ${plan.pictures} pictures over HTTP in ${took}.`);
}

/** The one deployment's report; its page is also put where it is easy to find. */
async function readReport(work: WorkFolder): Promise<DeployReport> {
  const deployments = path.join(work.newHost, '.relocate', 'deployments');
  const [name = ''] = await readdir(deployments);
  await copyFile(path.join(deployments, name, 'report.html'), work.report);
  return JSON.parse(await readFile(path.join(deployments, name, 'report.json'), 'utf8')) as DeployReport;
}

/** A second opinion on the repository, by a program that is not ours. */
async function checkWithRestic(work: WorkFolder): Promise<void> {
  why('A second opinion, from stock restic:');
  const args = [
    '-r',
    work.repository,
    '--password-file',
    work.passwordFile,
    '--no-cache',
    'check',
    '--read-data',
  ];
  const exitCode = await run('restic', args, { cwd: work.path });
  if (exitCode === undefined) line('restic is not installed here, so it was not asked.');
  else if (exitCode !== 0) throw new Error('restic found errors in the repository');
}

async function destroy(work: WorkFolder): Promise<void> {
  const args = ['destroy', '--to', 'local', ...accessFrom(work, work.newHost)];
  await relocate(args, { cwd: work.newHost, undisturbed: true });
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

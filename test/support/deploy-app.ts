import { appendFile, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { targets } from '../../stacks/index.ts';
import { parseApp } from '../../src/app/parse.ts';
import { silent } from '../../src/events.ts';
import { connect } from '../../src/postgres/connection.ts';
import { withDatabase } from '../../src/postgres/url.ts';
import { takeSnapshot } from '../../src/relocation/snapshot.ts';
import type { OptionSchemas } from '../../src/relocation/saved-app.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { sourceOf, sources } from '../../src/sources/index.ts';
import { openStorage } from '../../src/storage/index.ts';
import { startPostgres } from './postgres.ts';

export const password = 'correct horse battery staple';

export const schemas: OptionSchemas = {
  sources: Object.fromEntries(sources.map((source) => [source.kind, source.options])),
  targets: Object.fromEntries(targets.map((target) => [target.name, target.options])),
};

/** How the names of the folders begin that hold lost apps. */
export const lostAppPrefix = 'relocate-test-deploy-';

/** An app that was captured and whose host is gone: nothing is left but the repository. */
export interface LostApp {
  /** For state folders and the like; removed at the end. */
  folder: string;
  repositoryUrl: string;
  /** Where the app was. */
  oldFolder: string;
  open(): Promise<Repository>;
  remove(): Promise<void>;
}

export interface LostAppOptions {
  /** More lines of its relocate.yaml. */
  config?: string;
  /** More files in its folder. */
  files?: Record<string, string>;
}

/** Makes the fixture `notes-app` with a real database, captures it, and loses it. */
export async function loseApp({ config = '', files = {} }: LostAppOptions = {}): Promise<LostApp> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), lostAppPrefix)));
  const oldFolder = join(folder, 'old', 'app');
  const server = await startPostgres();
  try {
    await makeApp(oldFolder, join(folder, 'old', 'archive'), server.url);
    await appendFile(join(oldFolder, 'relocate.yaml'), config);
    for (const [name, text] of Object.entries(files)) await writeFile(join(oldFolder, name), text);
    await snapshotApp(oldFolder, join(folder, 'repository'));
  } finally {
    await server.stop();
  }
  await rm(join(folder, 'old'), { recursive: true });
  const repositoryUrl = `file:${join(folder, 'repository')}`;
  return {
    folder,
    repositoryUrl,
    oldFolder,
    open: async () => openRepository(await openStorage(repositoryUrl), password),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function makeApp(folder: string, archive: string, adminUrl: string): Promise<void> {
  await mkdir(archive, { recursive: true });
  await cp(fileURLToPath(new URL('../fixtures/notes-app', import.meta.url)), folder, { recursive: true });
  await mkdir(join(folder, 'uploads'));
  await mkdir(join(folder, 'data'));
  for (let count = 1; count <= 40; count += 1) {
    await writeFile(join(folder, 'uploads', `${count}.txt`), `upload ${count}\n`.repeat(count * 100));
  }
  await writeFile(join(archive, 'old.txt'), 'kept\n');
  const visits = new DatabaseSync(join(folder, 'data', 'visits.sqlite'));
  visits.exec("create table visit (at text); insert into visit values ('a'), ('b'), ('c')");
  visits.close();
  {
    await using admin = await connect(adminUrl);
    await admin.execute("create role writer login password 'old secret'");
    await admin.execute('create database notes owner writer');
  }
  const url = withDatabase(adminUrl, 'notes').replace(/\/\/[^@]*@/, '//writer:old%20secret@');
  {
    await using writer = await connect(url);
    await writer.execute('create table note (id serial primary key, text text not null)');
    await writer.execute("insert into note (text) select 'note ' || n from generate_series(1, 500) n");
  }
  const variables = {
    DATABASE_URL: url,
    ARCHIVE: archive,
    UPLOADS: './uploads',
    VISITS: join(folder, 'data/visits.sqlite'),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, '.env'), lines.join(''), { mode: 0o600 });
}

async function snapshotApp(folder: string, repositoryFolder: string): Promise<void> {
  const path = join(folder, 'relocate.yaml');
  const configText = await readFile(path, 'utf8');
  const app = await parseApp(configText, {
    path,
    folder,
    environment: {},
    readFile: (file) => readFile(file, 'utf8').catch(() => undefined),
    ...schemas,
  });
  const repository = await createRepository(await openStorage(`file:${repositoryFolder}`), password);
  try {
    const { signal } = new AbortController();
    const stateFolder = join(folder, '.relocate');
    const providerOf = () => 'this machine';
    await takeSnapshot(
      { app, configText, repository, stateFolder, sourceOf, providerOf },
      { emit: silent, signal },
    );
  } finally {
    await repository.close();
  }
}

import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sqlite } from '../../src/sources/sqlite.ts';
import type { SavedSource } from '../../src/sources/source.ts';
import { sourceContract } from '../contract/source.ts';
import { contextIn, folderSlot, restoreContextIn } from '../support/saved-folder.ts';

function fill(file: string, journalMode: string): void {
  const database = new DatabaseSync(file);
  database.exec(
    `PRAGMA journal_mode = ${journalMode};
    CREATE TABLE "odd ""name""" (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, raw BLOB, ratio REAL, big INTEGER);
    CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE INDEX by_text ON "odd ""name""" (text);
    CREATE VIEW seen AS SELECT text FROM "odd ""name""";
    CREATE TRIGGER noted AFTER INSERT ON pairs BEGIN SELECT 1; END;
    CREATE VIRTUAL TABLE words USING fts5 (word);
    INSERT INTO words VALUES ('ghost'), ('host');
    INSERT INTO pairs VALUES (1, 2), ('1', 2), (NULL, 3);
    PRAGMA user_version = 7;`.replace('(NULL, 3)', "(x'00', 3)"),
  );
  const insert = database.prepare('INSERT INTO "odd ""name""" (text, raw, ratio, big) VALUES (?, ?, ?, ?)');
  database.exec('BEGIN');
  for (let i = 0; i < 5000; i++) insert.run(`☃ ${i}`, randomBytes(40), i / 3, 2n ** 62n + BigInt(i));
  database.exec('COMMIT');
  database.close();
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'relocate-sqlite-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const journalMode of ['wal', 'delete']) {
  sourceContract(`sqlite (journal mode ${journalMode})`, async () => {
    const own = await mkdtemp(path.join(tmpdir(), 'relocate-sqlite-test-'));
    fill(path.join(own, 'full.db'), journalMode);
    new DatabaseSync(path.join(own, 'empty.db')).exec('CREATE TABLE t (a)');
    return {
      kind: 'sqlite',
      options: path.join(own, 'full.db'),
      killAfterMs: [1, 25],
      emptyOptions: { path: path.join(own, 'empty.db') },
      missingOptions: path.join(own, 'missing.db'),
      newDestination: async () => ({
        kind: 'path',
        path: path.join(own, 'back', randomBytes(4).toString('hex'), 'full.db'),
      }),
      async damage(destination) {
        if (destination.kind !== 'path') throw new Error('not a path');
        const database = new DatabaseSync(destination.path);
        database.exec(`UPDATE "odd ""name""" SET big = big + 1 WHERE id = 4711`);
        database.close();
      },
      cleanUp: () => rm(own, { recursive: true, force: true }),
    };
  });
}

async function capture(source: string, target: string): Promise<SavedSource> {
  const prepared = await sqlite.prepare(source, contextIn(folder));
  try {
    const captured = await prepared.capture(folderSlot(target));
    return { ...captured, name: 'db', kind: 'sqlite', path: '/data/db', startedAt: '', durationMs: 0 };
  } finally {
    await prepared.release();
  }
}

/** Moves one unit between two rows for ever, in one transaction each: their sum is 0 at any moment. */
const busyWriter = `
  const { DatabaseSync } = require('node:sqlite');
  const { workerData, parentPort } = require('node:worker_threads');
  const database = new DatabaseSync(workerData, { timeout: 30000 });
  parentPort.postMessage('writing');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    database.exec('BEGIN IMMEDIATE; UPDATE account SET money = money - 1 WHERE id = 1; UPDATE account SET money = money + 1 WHERE id = 2; INSERT INTO filler VALUES (randomblob(500)); COMMIT');
    Atomics.wait(pause, 0, 0, 1);
  }
`;

describe('a database that is written to all the time', () => {
  test.each(['wal', 'delete'])('is captured as of one moment (journal mode %s)', async (journalMode) => {
    const source = path.join(folder, `busy-${journalMode}.db`);
    const database = new DatabaseSync(source);
    database.exec(`PRAGMA journal_mode = ${journalMode}; CREATE TABLE account (id, money); CREATE TABLE filler (a);
      INSERT INTO account VALUES (1, 0), (2, 0)`);
    database.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
      INSERT INTO filler SELECT randomblob(500) FROM n`);
    database.close();
    const writer = new Worker(busyWriter, { eval: true, workerData: source });
    try {
      await new Promise((resolve) => writer.once('message', resolve));
      const target = path.join(folder, `busy-${journalMode}`);
      const saved = await capture(source, target);
      const copy = new DatabaseSync(path.join(target, 'database.sqlite'), { readOnly: true });
      expect(copy.prepare('SELECT sum(money) AS sum FROM account').get()).toEqual({ sum: 0 });
      copy.close();
      expect(saved.items).toBeGreaterThan(20_000);
    } finally {
      await writer.terminate();
    }
  });
});

describe('an SQLite file that cannot be captured', () => {
  test('one that is no database is told from a damaged one', async () => {
    const source = path.join(folder, 'letter.db');
    await writeFile(source, 'Dear Sir or Madam, '.repeat(1000));
    await expect(capture(source, path.join(folder, 'x'))).rejects.toMatchObject({
      code: 'source-failed',
      message: expect.stringContaining('is not an SQLite database'),
    });
  });

  test('one with a damaged page fails the capture, and says what is wrong', async () => {
    const source = path.join(folder, 'torn.db');
    fill(source, 'delete');
    const { open } = await import('node:fs/promises');
    const handle = await open(source, 'r+');
    await handle.write(Buffer.alloc(4096, 0xee), 0, 4096, 4096 * 10);
    await handle.close();
    await expect(capture(source, path.join(folder, 'x'))).rejects.toMatchObject({ code: 'source-failed' });
  });

  test('no copy is left behind, whatever happened, also by a run that was killed', async () => {
    const leftover = await mkdtemp(path.join(tmpdir(), 'relocate-sqlite-999999-'));
    const source = path.join(folder, 'small.db');
    fill(source, 'wal');
    await capture(source, path.join(folder, 'small'));
    const names = await readdir(tmpdir());
    expect(names).not.toContain(path.basename(leftover));
    expect(names.filter((name) => name.startsWith(`relocate-sqlite-${process.pid}-`))).toEqual([]);
  });
});

test('a restored database has the mode it had, and no log of an earlier try is played into it', async () => {
  const source = path.join(folder, 'mode.db');
  fill(source, 'wal');
  await chmod(source, 0o640);
  const saved = await capture(source, path.join(folder, 'saved'));
  const target = path.join(folder, 'mode-back.db');
  await writeFile(`${target}-wal`, 'of another database');
  const context = restoreContextIn(folder, folder);
  await sqlite.restore(saved, { kind: 'path', path: target }, context);
  expect((await stat(target)).mode & 0o777).toBe(0o640);
  const { facts } = await sqlite.fingerprint(saved, { kind: 'path', path: target }, context);
  expect(facts).toEqual(saved.fingerprint.facts);
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeHeader,
  openJournal,
  parseJournal,
  stepStates,
  type JournalHeader,
} from '../../src/relocation/journal.ts';

const header: JournalHeader = {
  type: 'header',
  journalVersion: 1,
  deployment: 'notes-local-20260131t120000',
  planDigest: 'abc',
  repository: { id: 'r', url: 'file:/r' },
  startedAt: '2026-01-31T12:00:00.000Z',
};

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-test-journal-'));
  path = join(folder, 'journal.jsonl');
  await writeFile(path, encodeHeader(header));
});

afterEach(() => rm(folder, { recursive: true }));

test('what was written is read again, with results', async () => {
  const journal = await openJournal(path);
  await journal.started('provision');
  await journal.done('provision', 12, { hosts: ['a'] });
  await journal.started('restore:db');
  await journal.close();

  const again = await openJournal(path);
  expect(again.header).toEqual(header);
  expect(again.steps.get('provision')).toMatchObject({
    state: 'done',
    durationMs: 12,
    result: { hosts: ['a'] },
  });
  expect(again.steps.get('restore:db')).toMatchObject({ state: 'started' });
  await again.close();
});

test('lines of steps side by side do not mix', async () => {
  const journal = await openJournal(path);
  const names = Array.from({ length: 50 }, (_, index) => `restore:${index}`);
  await Promise.all(
    names.map((name) => journal.started(name).then(() => journal.done(name, 1, 'x'.repeat(5_000)))),
  );
  await journal.close();
  const { entries } = parseJournal(await readFile(path));
  expect(entries).toHaveLength(100);
  expect([...stepStates(entries).values()].every(({ state }) => state === 'done')).toBe(true);
});

test('a torn last line is cut off, and the next line stands on its own', async () => {
  await appendFile(
    path,
    '{"type":"started","step":"provision","at":"2026-01-31T12:00:01.000Z"}\n{"type":"done","st',
  );
  const journal = await openJournal(path);
  expect(journal.steps.get('provision')).toMatchObject({ state: 'started' });
  await journal.failed('provision', 3, 'no room');
  await journal.close();
  expect(stepStates(parseJournal(await readFile(path)).entries).get('provision')).toMatchObject({
    state: 'failed',
  });
});

describe('damage is told with its line', () => {
  test('a header that is none', () => {
    expect(() => parseJournal(Buffer.from('{"type":"started"}\n'))).toThrow(/line 1/);
    expect(() => parseJournal(Buffer.from(''))).toThrow(/line 1/);
  });

  test('a line in the middle', () => {
    const text = `${encodeHeader(header)}{"type":"sta\n{"type":"started","step":"x","at":"2026-01-31T12:00:01.000Z"}\n`;
    expect(() => parseJournal(Buffer.from(text))).toThrow(/line 2/);
  });
});

import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../../src/errors.ts';
import { silent } from '../../src/events.ts';
import type { Journal, StepState } from '../../src/relocation/journal.ts';
import { runPhase, StepFailure, type StepRun, type Task } from '../../src/relocation/run-steps.ts';

function runOf(known: Record<string, StepState> = {}, signal = new AbortController().signal) {
  const lines: string[] = [];
  const steps = new Map(Object.entries(known));
  const journal: Journal = {
    header: {
      type: 'header',
      journalVersion: 1,
      deployment: 'd',
      planDigest: '',
      repository: { id: '', url: '' },
      startedAt: '',
    },
    steps,
    started: async (step) => void lines.push(`started ${step}`),
    done: async (step) => void lines.push(`done ${step}`),
    failed: async (step, _ms, message) => void lines.push(`failed ${step}: ${message}`),
    close: async () => {},
  };
  const run: StepRun = { journal, emit: silent, signal, parallel: 2, results: new Map(), kept: new Set() };
  return { run, lines };
}

function task(id: string, work: Task['run'], rest: Partial<Task> = {}): Task {
  return { step: { id, phase: 'restore', title: id }, after: [], whenDone: 'keep', run: work, ...rest };
}

const go = (tasks: Task[], run: StepRun) => runPhase('restore', 'restoring', tasks, run);

test('a step waits for those before it, and sees their results', async () => {
  const { run, lines } = runOf();
  const later = task('b', async () => run.results.get('a'), { after: ['a'] });
  await go([later, task('a', async () => 42)], run);
  expect(lines).toEqual(['started a', 'done a', 'started b', 'done b']);
  expect(run.results.get('b')).toBe(42);
});

test('no more steps are under way at once than wanted', async () => {
  const { run } = runOf();
  let now = 0;
  let most = 0;
  const work = async () => {
    now += 1;
    most = Math.max(most, now);
    await sleep(5);
    now -= 1;
  };
  await go(
    ['a', 'b', 'c', 'd', 'e'].map((id) => task(id, work)),
    run,
  );
  expect(most).toBe(2);
});

test('a step that the journal has as done is kept, and run again only where it asks for that', async () => {
  const done: StepState = { state: 'done', startedAt: '', durationMs: 1, result: 'old' };
  const { run, lines } = runOf({ a: done, b: done, c: { state: 'started', startedAt: '' } });
  const fresh = async () => 'new';
  await go([task('a', fresh), task('b', fresh, { whenDone: 'again' }), task('c', fresh)], run);
  expect(Object.fromEntries(run.results)).toEqual({ a: 'old', b: 'new', c: 'new' });
  expect([...run.kept]).toEqual(['a']);
  expect(lines).not.toContain('started a');
});

test('the first failure stops the others, names its step, and lets nothing new begin', async () => {
  const { run, lines } = runOf();
  const failing = task('a', async () => {
    throw new RelocateError('restore-failed', 'no room');
  });
  const slow = task('b', async (signal) => sleep(60_000, undefined, { signal }));
  const failure = await go([failing, slow, task('c', async () => 1)], run).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StepFailure);
  expect(failure).toMatchObject({ step: 'a', cause: { code: 'restore-failed' } });
  expect(lines).toEqual(['started a', 'started b', 'failed a: no room', 'failed b: interrupted']);
});

test('what a program said in its own words does not get into the journal', async () => {
  const { run, lines } = runOf();
  const failing = task('a', async () => {
    throw new Error('password=hunter2');
  });
  await expect(go([failing], run)).rejects.toThrow(StepFailure);
  expect(lines.join()).not.toContain('hunter2');
});

test('an abort ends even while a step ignores it', async () => {
  const abort = new AbortController();
  const { run } = runOf({}, abort.signal);
  const deaf = task('deaf', () => new Promise(() => {}));
  const going = go([deaf], run);
  abort.abort(new RelocateError('interrupted', 'Interrupted.'));
  await expect(going).rejects.toMatchObject({ step: 'deaf', cause: { code: 'interrupted' } });
});

test('steps that wait for each other are an error, not a standstill', async () => {
  const { run } = runOf();
  const a = task('a', async () => 1, { after: ['b'] });
  const b = task('b', async () => 1, { after: ['a'] });
  await expect(go([a, b], run)).rejects.toThrow(StepFailure);
});

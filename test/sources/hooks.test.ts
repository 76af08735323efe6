import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { runHook, type HookOptions } from '../../src/sources/hooks.ts';

describe('a hook', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'relocate-hooks-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const run = (command: string, options: Partial<HookOptions> = {}): Promise<void> =>
    runHook(command, { folder, environment: {}, timeoutMs: 20_000, ...options });

  test('runs in the app’s folder with the app’s environment', async () => {
    await run('echo "$GREETING" > said', { environment: { GREETING: 'hello' } });
    expect(await readFile(path.join(folder, 'said'), 'utf8')).toBe('hello\n');
  });

  test('does not see the repository’s password', async () => {
    process.env['RELOCATE_PASSWORD'] = 'for relocate alone';
    try {
      await run('env > environment');
    } finally {
      delete process.env['RELOCATE_PASSWORD'];
    }
    expect(await readFile(path.join(folder, 'environment'), 'utf8')).not.toContain('for relocate alone');
  });

  test('that fails is told with its exit code and its last words', async () => {
    await expect(run('echo out; echo "disk is full" >&2; exit 3')).rejects.toMatchObject({
      code: 'hook-failed',
      message: expect.stringContaining('exit code 3'),
      facts: { output: expect.stringContaining('disk is full') },
    });
  });

  test('that says more than fits is cut to its end', async () => {
    const error = await run('seq 1 100000; exit 1').catch((error: unknown) => error);
    const output = error instanceof RelocateError ? String(error.facts['output']) : '';
    expect(output.endsWith('100000')).toBe(true);
    expect(output.length).toBeLessThanOrEqual(2000);
  });

  test('that takes too long is ended, with all that it started', async () => {
    await expect(run('sleep 300 & echo $! > child; wait', { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'hook-failed',
      message: expect.stringContaining('300 ms'),
    });
    const child = Number(await readFile(path.join(folder, 'child'), 'utf8'));
    await expectGone(child);
  });

  test('that ignores SIGTERM is killed', async () => {
    await expect(run('trap "" TERM; while :; do sleep 0.1; done', { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'hook-failed',
    });
  });

  test('that leaves a child in the background with our pipes is not waited for', async () => {
    await run('sleep 300 & echo $! > child');
    const child = Number(await readFile(path.join(folder, 'child'), 'utf8'));
    process.kill(child, 'SIGKILL');
    await expectGone(child);
  });

  test('is ended when the caller’s signal aborts, with its reason', async () => {
    const controller = new AbortController();
    const running = run('sleep 300', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  test('whose folder is gone cannot start, which is its failure', async () => {
    await expect(run('true', { folder: path.join(folder, 'gone') })).rejects.toMatchObject({
      code: 'hook-failed',
      message: expect.stringContaining('could not be started'),
    });
  });
});

/** Ended, or waiting to be buried by a parent that is not ours. */
async function expectGone(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').then(
      (text) => text.replace(/^.*\) /, '').charAt(0),
      () => 'gone',
    );
    if (state === 'gone' || state === 'Z') return;
    await sleep(50);
  }
  throw new Error(`process ${pid} still runs`);
}

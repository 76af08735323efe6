import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processOf } from '../../src/hosts/process.ts';
import type { ServiceSpec } from '../../src/hosts/service.ts';
import {
  listServices,
  serviceState,
  startService,
  stopAll,
  stopService,
} from '../../src/hosts/supervisor.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-supervisor-'));
});

afterEach(async () => {
  await stopAll(folder, { graceMs: 0 });
  await rm(folder, { recursive: true, force: true });
});

function spec(script: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: 'web',
    folder,
    command: ['/bin/sh', '-c', script],
    cwd: folder,
    environment: { PASSWORD: 'open-sesame-4711' },
    ...more,
  };
}

async function until<Value>(ask: () => Promise<Value>, met: (value: Value) => boolean): Promise<Value> {
  for (let tries = 0; tries < 400; tries += 1) {
    const value = await ask();
    if (met(value)) return value;
    await sleep(25);
  }
  throw new Error(`never came: ${JSON.stringify(await ask())}`);
}

const log = (name = 'web') => readFile(join(folder, 'logs', `${name}.log`), 'utf8');

async function isGone(pid: number | undefined): Promise<boolean> {
  return pid === undefined || (await processOf(pid)) === undefined;
}

describe('a supervised service', () => {
  test('gets its environment and writes its output to its log', async () => {
    const state = await startService(spec('echo "told $PASSWORD"; echo complained >&2; exec sleep 600'));
    expect(state).toMatchObject({ name: 'web', state: 'running', restarts: 0 });
    expect(await isGone(state.pid)).toBe(false);
    await until(
      () => log(),
      (text) => text.includes('told open-sesame-4711') && text.includes('complained'),
    );
  });

  test('leaves no secret of its environment in a file, or in an argument list', async () => {
    const state = await startService(spec('exec sleep 600'));
    expect(await readFile(join(folder, 'run', 'web.json'), 'utf8')).not.toContain('open-sesame');
    for (const pid of [state.pid, state.supervisorPid]) {
      expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('open-sesame');
    }
  });

  test('started again with the same spec is left alone', async () => {
    const first = await startService(spec('exec sleep 600'));
    const second = await startService(spec('exec sleep 600'));
    expect(second.pid).toBe(first.pid);
  });

  test('started again with another environment is replaced', async () => {
    const first = await startService(spec('exec sleep 600'));
    const second = await startService(spec('exec sleep 600', { environment: { PASSWORD: 'changed' } }));
    expect(second.pid).not.toBe(first.pid);
    expect(await isGone(first.pid)).toBe(true);
    expect(await isGone(first.supervisorPid)).toBe(true);
  });

  test('started twice at once runs once', async () => {
    const states = await Promise.all([1, 2, 3].map(() => startService(spec('echo up; exec sleep 600'))));
    expect(new Set(states.map(({ pid }) => pid)).size).toBe(1);
    await until(
      () => log(),
      (text) => text !== '',
    );
    expect(await log()).toBe('up\n');
  });

  test('is started again when it ends, and shown as crash-looping when it keeps doing so', async () => {
    await startService(spec('echo run; exit 3'));
    const looping = await until(
      () => serviceState(folder, 'web'),
      ({ state }) => state === 'crash-looping',
    );
    expect(looping.lastExit).toContain('exit code 3');
    expect((await log()).match(/run/g)?.length).toBeGreaterThanOrEqual(3);
  });

  test('whose program is not there is refused with its name', async () => {
    const started = startService(spec('', { command: ['/nonexistent/program'] }));
    await expect(started).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining('/nonexistent/program'),
    });
    expect(await listServices(folder)).toEqual([]);
  });
});

describe('stopping a service', () => {
  test('ends its children too, and leaves the log', async () => {
    const state = await startService(spec('sleep 601 & echo $!; wait'));
    const child = Number(
      await until(
        () => log(),
        (text) => text.trim() !== '',
      ),
    );
    await stopService(folder, 'web');
    expect(await Promise.all([state.pid, state.supervisorPid, child].map(isGone))).toEqual([
      true,
      true,
      true,
    ]);
    expect(await serviceState(folder, 'web')).toMatchObject({ state: 'stopped', pid: undefined });
    expect(await log()).not.toBe('');
    await stopService(folder, 'web');
  });

  test('sends the signal that the spec asks for', async () => {
    await startService(
      spec('trap "echo interrupted; exit 0" INT; echo up; while :; do sleep 0.05; done', {
        stopSignal: 'SIGINT',
      }),
    );
    await until(
      () => log(),
      (text) => text.includes('up'),
    );
    await stopService(folder, 'web');
    expect(await log()).toContain('interrupted');
  });

  test('kills one that will not end', async () => {
    const state = await startService(spec('trap "" TERM; echo up; while :; do sleep 0.05; done'));
    await until(
      () => log(),
      (text) => text.includes('up'),
    );
    await stopService(folder, 'web', { graceMs: 100 });
    expect(await isGone(state.pid)).toBe(true);
  });

  test('finds a service whose supervisor was killed', async () => {
    const state = await startService(spec('exec sleep 600'));
    process.kill(state.supervisorPid!, 'SIGKILL');
    const orphan = await until(
      () => serviceState(folder, 'web'),
      ({ state }) => state === 'unsupervised',
    );
    expect(orphan.pid).toBe(state.pid);
    await stopService(folder, 'web');
    expect(await isGone(state.pid)).toBe(true);
  });

  test('finds processes that left the group, and whose record is lost', async () => {
    const state = await startService(spec('setsid sleep 602 & echo $!; exec sleep 600'));
    const child = Number(
      await until(
        () => log(),
        (text) => text.trim() !== '',
      ),
    );
    await rm(join(folder, 'run', 'web.json'));
    await stopService(folder, 'web', { graceMs: 200 });
    expect(await Promise.all([state.pid, state.supervisorPid, child].map(isGone))).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('never signals a stranger that has the number of a service that is gone', async () => {
    const stranger = await startService(spec('exec sleep 600', { name: 'stranger' }));
    const { readRecord, writeRecord } = await import('../../src/hosts/service.ts');
    const record = await readRecord(folder, 'stranger');
    const reused = { pid: stranger.pid!, startedAt: 'another boot:1' };
    await writeRecord(folder, { ...record!, name: 'web', supervisor: reused, service: reused });
    await stopService(folder, 'web', { graceMs: 0 });
    expect(await isGone(stranger.pid)).toBe(false);
  });
});

test('a killed supervisor is replaced by the next start, and its orphan with it', async () => {
  const before = await startService(spec('exec sleep 600'));
  process.kill(before.supervisorPid!, 'SIGKILL');
  await until(
    () => isGone(before.supervisorPid),
    (gone) => gone,
  );
  const after = await startService(spec('exec sleep 600'));
  expect(after).toMatchObject({ state: 'running' });
  expect(await isGone(before.pid)).toBe(true);
});

test('a supervisor that is asked to end takes its service along', async () => {
  const state = await startService(spec('exec sleep 600'));
  process.kill(state.supervisorPid!, 'SIGTERM');
  await until(
    async () => (await isGone(state.pid)) && (await isGone(state.supervisorPid)),
    (gone) => gone,
  );
  expect(await serviceState(folder, 'web')).toMatchObject({ state: 'stopped' });
});

test('all services of a folder are listed, and stopped together', async () => {
  const db = await startService(spec('exec sleep 600', { name: 'db' }));
  const web = await startService(spec('exec sleep 600'));
  expect((await listServices(folder)).map(({ name }) => name)).toEqual(['db', 'web']);
  await stopAll(folder);
  expect(await Promise.all([db.pid, web.pid].map(isGone))).toEqual([true, true]);
  expect(await listServices(folder)).toEqual([]);
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;
asRoot('runs as the user that the spec names (needs root)', async () => {
  await chmod(folder, 0o755);
  await startService(spec('id -u; exec sleep 600', { uid: 65_534, gid: 65_534 }));
  await until(
    () => log(),
    (text) => text.trim() === '65534',
  );
});

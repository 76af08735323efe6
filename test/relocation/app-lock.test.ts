import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodeOf } from '../../src/errors.ts';
import { lockHolder, withDeployLock, withSnapshotLock } from '../../src/relocation/app-lock.ts';
import { stateLayout } from '../../src/relocation/layout.ts';

const holderProgram = fileURLToPath(new URL('app-lock/hold.ts', import.meta.url));

describe('the lock of an app', () => {
  let stateFolder: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'relocate-app-lock-'));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(stateFolder, { recursive: true, force: true });
  });

  async function holdElsewhere(app: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--no-warnings', holderProgram, stateFolder, app], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  test('refuses a second snapshot at once with exit 11, says who is at it, and runs none of it', async () => {
    const holder = await holdElsewhere('blog');
    let ran = false;
    const second = withSnapshotLock({ stateFolder, app: 'blog' }, async () => (ran = true));
    const error: unknown = await second.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'snapshot-busy',
      message: expect.stringContaining(`process ${holder.pid}`),
      retryable: true,
    });
    expect(exitCodeOf(error)).toBe(11);
    expect(ran).toBe(false);
    expect(holder.exitCode).toBeNull();
  });

  test('is free again after kill -9 of its holder', async () => {
    const holder = await holdElsewhere('blog');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await lockHolder(stateLayout.snapshotLock(stateFolder, 'blog'))).toBeUndefined();
    expect(await withSnapshotLock({ stateFolder, app: 'blog' }, async () => 'done')).toBe('done');
  });

  test('is free again after a failure, which comes out as it was', async () => {
    const failure = new Error('the disk is on fire');
    const failing = withSnapshotLock({ stateFolder, app: 'blog' }, () => Promise.reject(failure));
    await expect(failing).rejects.toBe(failure);
    expect(await withSnapshotLock({ stateFolder, app: 'blog' }, async () => 'done')).toBe('done');
  });

  test('keeps neither another app nor a deploy of the same one from running', async () => {
    await holdElsewhere('blog');
    const deploy = { stateFolder, app: 'blog', target: 'local' };
    expect(await withSnapshotLock({ stateFolder, app: 'shop' }, async () => 'done')).toBe('done');
    expect(await withDeployLock(deploy, async () => 'done')).toBe('done');
  });

  test('refuses a second deploy to the same target with exit 11, not one to another', async () => {
    const deploy = { stateFolder, app: 'blog', target: 'local' };
    await withDeployLock(deploy, async () => {
      const second = withDeployLock(deploy, async () => 'done');
      const error: unknown = await second.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'deployment-busy' });
      expect(exitCodeOf(error)).toBe(11);
      expect(await withDeployLock({ ...deploy, target: 'ssh' }, async () => 'done')).toBe('done');
    });
  });

  test('lies in folders that are for their owner alone', async () => {
    const inner = join(stateFolder, 'new');
    await withSnapshotLock({ stateFolder: inner, app: 'blog' }, async () => {});
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
  });

  test('where its folder cannot be made names the way out', async () => {
    const file = join(stateFolder, 'file');
    await writeFile(file, '');
    await expect(withSnapshotLock({ stateFolder: file, app: 'blog' }, async () => {})).rejects.toMatchObject({
      code: 'storage-failed',
      hint: expect.stringContaining('--state'),
    });
  });
});

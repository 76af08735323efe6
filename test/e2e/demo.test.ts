import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { relocate } from '../support/cli.ts';

const demo = fileURLToPath(new URL('../../bin/demo', import.meta.url));
const timeoutMs = 180_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'relocate-demo-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs the demo in a process group of its own, as a terminal does; what it lays in the temporary folder is ours to see. */
function startDemo(args: string[]): {
  said: () => string;
  press: (signal: NodeJS.Signals) => void;
  ended: Promise<unknown[]>;
} {
  let output = '';
  const child = spawn(demo, args, {
    cwd: folder,
    detached: true,
    env: {
      ...process.env,
      // As a new user's shell has it: without the project's own tools, and with the machine's Node, however old.
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      TMPDIR: folder,
      NO_COLOR: '1',
      // Node would keep compiled code in the temporary folder, for all programs after it.
      NODE_DISABLE_COMPILE_CACHE: '1',
    },
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  return {
    said: () => output,
    press: (signal) => process.kill(-(child.pid ?? 0), signal),
    ended: once(child, 'close'),
  };
}

/** Command lines of processes that run now and speak of `text`. */
async function processesAbout(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(text)).map((line) => line.replaceAll('\0', ' '));
}

const describeHere = process.platform === 'linux' ? describe : describe.skip;

describeHere('the demo (processes are looked up in /proc: Linux only)', () => {
  test(
    'with --keep leaves what it promises, the app running, and one command to remove it',
    async () => {
      const kept = path.join(folder, 'kept');
      const run = startDemo(['--keep', kept]);
      expect({ ended: await run.ended, said: run.said() }).toMatchObject({ ended: [0, null] });

      expect((await readdir(kept)).toSorted()).toEqual(['new-host', 'password', 'report.html', 'repository']);
      const password = await readFile(path.join(kept, 'password'), 'utf8');
      expect(run.said()).not.toContain(password.trim());
      expect((await stat(path.join(kept, 'password'))).mode & 0o777).toBe(0o600);
      const [, address = ''] = /still running on (\S+?)\. /.exec(run.said()) ?? [];
      expect(await (await fetch(`${address}/healthz`)).json()).toEqual({
        status: 'ok',
        entries: 3500,
        visits: 30,
      });

      const access = ['-r', 'file:../repository', '--password-file', '../password'];
      const destroyed = await relocate(['destroy', '--to', 'local', ...access], {
        cwd: path.join(kept, 'new-host'),
      });
      expect(destroyed).toMatchObject({ exitCode: 0 });
      expect(await processesAbout(folder)).toEqual([]);
      await expect(fetch(`${address}/healthz`)).rejects.toThrow('fetch failed');
    },
    timeoutMs,
  );

  test(
    'interrupted while it deploys, ends with 130 and leaves no process and no file',
    async () => {
      const run = startDemo([]);
      while (!run.said().includes('$ relocate deploy') && !run.said().includes('failed')) await sleep(50);
      run.press('SIGINT');
      expect({ ended: await run.ended, said: run.said() }).toMatchObject({ ended: [130, null] });
      expect(await processesAbout(folder)).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
    },
    timeoutMs,
  );

  test('refuses to work in a folder that holds something, and leaves it alone', async () => {
    await writeFile(path.join(folder, 'mine'), 'precious');
    const run = startDemo(['--keep', folder]);
    expect(await run.ended).toEqual([1, null]);
    expect(run.said()).toContain('is not empty');
    expect(await readdir(folder)).toEqual(['mine']);
  });
});

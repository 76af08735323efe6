import { describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostOutput } from '../../src/hosts/host.ts';
import { hostOf } from '../../src/hosts/index.ts';
import { runLocally } from '../../src/hosts/local.ts';
import { processOf } from '../../src/hosts/process.ts';

const output: HostOutput = {
  name: 'here',
  address: '127.0.0.1',
  transport: { kind: 'local' },
  folder: '/nowhere',
  ports: {},
};

describe('a command on this machine', () => {
  test('takes its arguments as they are, and its secret as input', async () => {
    const host = hostOf(output);
    const result = await host.run(['/bin/sh', '-c', 'cat; echo "$1" >&2; exit 5', '-', '$(id) "quoted"'], {
      input: 'the secret',
    });
    expect(result).toEqual({ exitCode: 5, stdout: 'the secret', stderr: '$(id) "quoted"\n' });
  });

  test('gets the environment given, and none of the passwords of relocate itself', async () => {
    process.env['RESTIC_PASSWORD'] = 'of the repository';
    const result = await runLocally(['/bin/sh', '-c', 'echo "$ADDED/$RESTIC_PASSWORD/${PATH:+path}"'], {
      environment: { ADDED: 'yes' },
    });
    delete process.env['RESTIC_PASSWORD'];
    expect(result.stdout).toBe('yes//path\n');
  });

  test('that does not exist ends with 127', async () => {
    const result = await runLocally(['/nonexistent/program'], { input: 'unread' });
    expect(result).toMatchObject({ exitCode: 127, stderr: expect.stringContaining('ENOENT') });
  });

  test('that is late is ended with its children', async () => {
    const result = await runLocally(['/bin/sh', '-c', 'sleep 603 & echo $!; wait'], { timeoutMs: 300 });
    expect(result.exitCode).toBe(124);
    await sleep(100);
    expect(await processOf(Number(result.stdout))).toBeUndefined();
  });

  test('that is aborted is ended with its children, and the reason thrown', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relocate-local-host-'));
    const abort = new AbortController();
    const script = `sleep 604 & echo $! > "${folder}/pid.new"; mv "${folder}/pid.new" "${folder}/pid"; wait`;
    const running = runLocally(['/bin/sh', '-c', script], { signal: abort.signal });
    const failed = running.catch((reason: unknown) => reason);
    let pid = '';
    for (let tries = 0; pid === '' && tries < 200; tries += 1) {
      await sleep(25);
      pid = await readFile(join(folder, 'pid'), 'utf8').catch(() => '');
    }
    abort.abort('stop now');
    expect(await failed).toBe('stop now');
    await sleep(100);
    expect(pid).not.toBe('');
    expect(await processOf(Number(pid))).toBeUndefined();
    await rm(folder, { recursive: true });
  });

  test('that leaves a child with its output open is over when it ends itself', async () => {
    const result = await runLocally(['/bin/sh', '-c', 'sleep 20 & echo done $!']);
    expect(result.stdout).toMatch(/^done \d+\n$/);
    process.kill(Number(result.stdout.split(' ')[1]), 'SIGKILL');
  });

  test('that says more than memory should hold keeps its last words', async () => {
    const script = 'head -c 20000000 /dev/zero | tr "\\0" x; echo the end';
    const result = await runLocally(['/bin/sh', '-c', script]);
    expect(result.stdout.length).toBeLessThan(9 * 1024 * 1024);
    expect(result.stdout.endsWith('the end\n')).toBe(true);
  });
});

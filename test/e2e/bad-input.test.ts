import { execFileSync, spawn } from 'node:child_process';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { relocate, resultOf, startRelocate, testPassword } from '../support/cli.ts';
import { seeded } from '../support/random.ts';

/** What a person at the terminal gets for each kind of damage: one clear error, the next step, the exit code. */
describe('the command line, given something bad', () => {
  let folder: string;
  let cwd: string;
  let repository: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-bad-'));
    cwd = join(folder, 'app');
    repository = join(folder, 'repository');
    await mkdir(join(cwd, 'files', 'sub'), { recursive: true });
    await writeFile(join(cwd, 'files', 'a.txt'), 'a small file\n');
    await writeFile(join(cwd, 'files', 'sub', 'b.bin'), seeded(1).bytes(3 * 1024 * 1024));
    await writeFile(join(cwd, 'relocate.yaml'), config());
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const config = (extra = '') =>
    `app: bad\ndata:\n  files: { files: ./files }\n${extra}repositories: [ "file:${repository}" ]\n`;

  async function initAndSnapshot(): Promise<string> {
    expect(await relocate(['init', '--repository'], { cwd })).toMatchObject({ exitCode: 0 });
    const taken = await relocate(['snapshot', '--json'], { cwd });
    expect(taken).toMatchObject({ exitCode: 0 });
    return resultOf<{ snapshot: string }>(taken).snapshot;
  }

  async function filesOf(type: string): Promise<string[]> {
    const base = join(repository, type);
    const entries = await readdir(base, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }

  async function damage(path: string, how: 'flip' | 'truncate'): Promise<void> {
    await chmod(path, 0o600);
    const bytes = await readFile(path);
    if (how === 'truncate') return truncate(path, Math.floor(bytes.length / 2));
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    await writeFile(path, bytes);
  }

  test('no relocate.yaml: exit 2, and how to write one', async () => {
    await rm(join(cwd, 'relocate.yaml'));
    const result = await relocate(['snapshot'], { cwd });
    expect(result).toMatchObject({ exitCode: 2 });
    expect(result.stderr).toContain('relocate init');
  });

  test('an unknown command or option: exit 2', async () => {
    expect(await relocate(['snapshott'], { cwd })).toMatchObject({ exitCode: 2 });
    expect(await relocate(['snapshot', '--nope'], { cwd })).toMatchObject({ exitCode: 2 });
  });

  test('no repository there: exit 10, and the command that makes one', async () => {
    const result = await relocate(['snapshot'], { cwd });
    expect(result).toMatchObject({ exitCode: 10 });
    expect(result.stderr).toContain('relocate init --repository');
  });

  test('a wrong password: exit 12, and the password is not repeated', async () => {
    await initAndSnapshot();
    const result = await relocate(['snapshots'], { cwd, env: { RELOCATE_PASSWORD: 'not-the-one' } });
    expect(result).toMatchObject({ exitCode: 12 });
    expect(result.stderr + result.stdout).not.toContain('not-the-one');
  });

  test('a repository that is locked by another: exit 11, who holds it, and the way on', async () => {
    await initAndSnapshot();
    // A real restic holds an exclusive lock while it runs a command that does not end: a prune that is stopped.
    const holder = spawn('restic', ['-r', repository, '--no-cache', 'check', '--read-data'], {
      env: { ...process.env, RESTIC_PASSWORD: testPassword },
      stdio: 'ignore',
    });
    try {
      // Not the temporary name that restic writes it under first.
      const isThere = async () => (await filesOf('locks')).some((file) => /[0-9a-f]{64}$/.test(file));
      while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 5));
      holder.kill('SIGSTOP');
      const result = await relocate(['snapshot'], { cwd });
      expect(result).toMatchObject({ exitCode: 11 });
      expect(result.stderr).toContain('relocate unlock');
      expect(result.stderr).toContain(String(holder.pid));
    } finally {
      holder.kill('SIGKILL');
    }
  });

  test.each(['flip', 'truncate'] as const)(
    'a pack with damage (%s): check finds it, restore never writes wrong bytes',
    async (how) => {
      const id = await initAndSnapshot();
      for (const pack of await filesOf('data')) await damage(pack, how);
      const checked = await relocate(['check', '--read-data'], { cwd });
      expect(checked.exitCode).toBe(1);
      const target = join(folder, 'back');
      const restored = await relocate(['restore', id, '--target', target], { cwd });
      expect(restored.exitCode).not.toBe(0);
      const b = await readFile(join(target, 'data/files/sub/b.bin')).catch(() => undefined);
      if (b !== undefined) expect(b.equals(await readFile(join(cwd, 'files/sub/b.bin')))).toBe(true);
    },
  );

  test.each([
    ['index', 'flip'],
    ['index', 'truncate'],
    ['keys', 'truncate'],
  ] as const)(
    'a file of %s with damage (%s): a clear error that names it, nothing made up',
    async (type, how) => {
      await initAndSnapshot();
      for (const file of await filesOf(type)) await damage(file, how);
      const result = await relocate(['restore', 'latest', '--target', join(folder, 'back')], { cwd });
      expect(result.exitCode).toBeGreaterThan(0);
      expect(result.stderr).not.toMatch(/this is a bug|TypeError|SyntaxError/i);
    },
  );

  test('a damaged index: check goes on past it, and the command that it names mends it', async () => {
    await initAndSnapshot();
    for (const file of await filesOf('index')) await damage(file, 'flip');
    const restored = await relocate(['restore', 'latest', '--target', join(folder, 'back')], { cwd });
    expect(restored.exitCode).toBe(1);
    expect(restored.stderr).toContain('relocate repair index');
    const checked = await relocate(['check'], { cwd });
    expect(checked.exitCode).toBe(1);
    expect(checked.stdout).toContain('relocate repair index');
    expect(await relocate(['repair', 'index'], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await relocate(['check', '--read-data'], { cwd })).toMatchObject({ exitCode: 0 });
  });

  test.each(['flip', 'truncate'] as const)(
    'a snapshot file with damage (%s): said, and the others are still listed',
    async (how) => {
      await initAndSnapshot();
      const [first] = await filesOf('snapshots');
      await appendFile(join(cwd, 'files', 'a.txt'), 'more\n');
      const second = resultOf<{ snapshot: string }>(await relocate(['snapshot', '--json'], { cwd })).snapshot;
      await damage(first ?? '', how);
      const listed = await relocate(['snapshots', '--json'], { cwd });
      expect(listed.stdout).toContain(second);
      expect(listed.stdout).toContain('"type":"warning"');
      // Which of the two is the newest, nobody can know any more.
      const deployed = await relocate(['deploy', '--to', 'local', '--dry-run'], { cwd });
      expect(deployed).toMatchObject({ exitCode: 1 });
      expect(deployed.stderr).toContain('relocate snapshots');
    },
  );

  test('a source folder that is gone: exit 1, named, and no snapshot', async () => {
    await initAndSnapshot();
    await rm(join(cwd, 'files'), { recursive: true });
    const result = await relocate(['snapshot'], { cwd });
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain('files');
    const listed = resultOf<{ snapshots: unknown[] }>(await relocate(['snapshots', '--json'], { cwd }));
    expect(listed.snapshots).toHaveLength(1);
  });

  test('a source that is empty: exit 1, and no snapshot', async () => {
    await initAndSnapshot();
    await rm(join(cwd, 'files'), { recursive: true });
    await mkdir(join(cwd, 'files'));
    const result = await relocate(['snapshot'], { cwd });
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain('yielded nothing');
  });

  test('a source below its floor: exit 1, and no snapshot', async () => {
    expect(await relocate(['init', '--repository'], { cwd })).toMatchObject({ exitCode: 0 });
    await writeFile(
      join(cwd, 'relocate.yaml'),
      `app: bad\ndata:\n  files: { files: ./files, floor: { items: 100 } }\nrepositories: [ "file:${repository}" ]\n`,
    );
    const result = await relocate(['snapshot'], { cwd });
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain('floor');
  });

  test('a hook that fails fails the snapshot, and the after-hook ran', async () => {
    expect(await relocate(['init', '--repository'], { cwd })).toMatchObject({ exitCode: 0 });
    await writeFile(
      join(cwd, 'relocate.yaml'),
      `app: bad\ndata:\n  files: { files: ./files, hooks: { before: "exit 7", after: "touch after-ran" } }\nrepositories: [ "file:${repository}" ]\n`,
    );
    const result = await relocate(['snapshot'], { cwd });
    expect(result).toMatchObject({ exitCode: 1 });
    expect(await readdir(cwd)).toContain('after-ran');
  });

  test('two snapshots of one app at once: one is done, the other is told so with exit 11', async () => {
    expect(await relocate(['init', '--repository'], { cwd })).toMatchObject({ exitCode: 0 });
    await writeFile(
      join(cwd, 'relocate.yaml'),
      `app: bad\ndata:\n  files: { files: ./files, hooks: { before: "sleep 4" } }\nrepositories: [ "file:${repository}" ]\n`,
    );
    const results = await Promise.all([relocate(['snapshot'], { cwd }), relocate(['snapshot'], { cwd })]);
    expect(results.map((result) => result.exitCode).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 11]);
  });

  test('Ctrl-C in the middle: exit 130 within seconds, what is safe is said, and check is clean', async () => {
    await initAndSnapshot();
    await writeFile(join(cwd, 'files', 'big.bin'), seeded(3).bytes(200 * 1024 * 1024));
    const { child, ended } = startRelocate(['snapshot'], { cwd });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    child.kill('SIGINT');
    const result = await ended;
    expect(result).toMatchObject({ exitCode: 130 });
    expect(result.stderr).toMatch(/sound|safe/);
    expect(await relocate(['unlock'], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await relocate(['check'], { cwd })).toMatchObject({ exitCode: 0 });
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? test : test.skip)(
    'a full disk (needs root, for a small tmpfs): a clear error, and what was stored stays sound',
    async () => {
      await mkdir(repository);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', repository]);
      try {
        await initAndSnapshot();
        await writeFile(join(cwd, 'files', 'big.bin'), seeded(3).bytes(40 * 1024 * 1024));
        const result = await relocate(['snapshot'], { cwd });
        expect(result).toMatchObject({ exitCode: 1 });
        expect(result.stderr).toMatch(/full|no space/i);
        await rm(join(cwd, 'files', 'big.bin'));
        const checked = await relocate(['check', '--read-data'], { cwd });
        expect(checked).toMatchObject({ exitCode: 0 });
      } finally {
        execFileSync('umount', [repository]);
      }
    },
  );

  test('a password in no argument: the password command’s output stays out of every message', async () => {
    await initAndSnapshot();
    const result = await relocate(
      ['snapshots', '-v', '--password-command', `printf '%s' '${testPassword}'`],
      {
        cwd,
        env: { RELOCATE_PASSWORD: undefined },
      },
    );
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout + result.stderr).not.toContain(testPassword);
  });
});

import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** A run of restic that is to be looked at, whatever its exit code. */
export interface ResticRun {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface ResticOptions {
  password?: string;
  cwd?: string;
  input?: string;
}

/** What one storage or another wants to be told besides its URL. */
export interface ResticSetting {
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** One restic, one repository; nothing is cached between runs, so that all is read from the storage. */
export function resticRunner(binary: string, repository: string, setting: ResticSetting = {}) {
  const environment = (password = 'pw') => ({
    ...process.env,
    ...setting.env,
    RESTIC_PASSWORD: password,
    RESTIC_PROGRESS_FPS: '0',
  });
  const commandLine = (args: readonly string[]) => [
    '-r',
    repository,
    '--no-cache',
    ...(setting.args ?? []),
    ...args,
  ];

  return {
    /** Fails the test where restic fails. */
    run(args: readonly string[], { password, cwd, input = '' }: ResticOptions = {}): string {
      return execFileSync(binary, commandLine(args), {
        encoding: 'utf8',
        cwd,
        input,
        maxBuffer: 1 << 28,
        stdio: 'pipe',
        env: environment(password),
      });
    },
    attempt(args: readonly string[], { password, cwd, input = '' }: ResticOptions = {}): ResticRun {
      const { status, stdout, stderr } = spawnSync(binary, commandLine(args), {
        encoding: 'utf8',
        cwd,
        input,
        env: environment(password),
      });
      return { exitCode: status, stdout, stderr };
    },
    /** Leaves it running; its input stays open. */
    start(args: readonly string[], { password, cwd }: ResticOptions = {}): ChildProcess {
      return spawn(binary, commandLine(args), {
        cwd,
        stdio: ['pipe', 'ignore', 'ignore'],
        env: environment(password),
      });
    },
    path: (...parts: string[]) => join(repository, ...parts),
  };
}

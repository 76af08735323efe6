import type { RunOptions } from '../host.ts';

/** What goes to the host to run one program there. */
export interface SentCommand {
  /** All that a list of processes, or a log of the SSH server, shows until the program itself runs. */
  commandLine: string;
  /** Goes to standard input first; the program's own input comes after. */
  script: Buffer;
}

/**
 * Pure: the program and its environment go over standard input, because SSH knows nothing but a command line, which
 * others on the host can read. `dd` reads byte by byte, so that what comes after the script is left for the program.
 */
export function commandOverStdin(
  command: readonly string[],
  { cwd, environment = {} }: Pick<RunOptions, 'cwd' | 'environment'>,
): SentCommand {
  const variables = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  const lines = [
    ...(cwd === undefined ? [] : [`cd ${quoted(cwd)} || exit 125`]),
    ...variables,
    `exec ${command.map(quoted).join(' ')}`,
  ];
  const script = Buffer.from(lines.join('\n'));
  return { commandLine: bootstrap(script.length), script };
}

/**
 * Any shell that users have reads this alike, csh and fish among them. The first line that comes back is the number of
 * the program's process, which leads a group of its own: not every SSH server passes signals on.
 */
function bootstrap(scriptBytes: number): string {
  return `exec /bin/sh -c 'echo $$; eval "$(dd bs=1 count=${scriptBytes} 2>/dev/null)"'`;
}

/** Pure: kills what `commandOverStdin` started, with its children. */
export function killCommand(pid: number): string {
  return `kill -KILL -- -${pid}`;
}

/** Pure: one word for a POSIX shell, whatever is in it. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

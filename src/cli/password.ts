import { readFile } from 'node:fs/promises';
import { RelocateError } from '../errors.ts';
import type { Globals } from './globals.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The repository's password, from the first place that has one: options before environment, relocate's variables
 * before restic's, a file before a command before the plain variable; then the person at the terminal.
 * One newline at the end is not part of it. Throws `usage` where there is none.
 */
export async function readPassword(
  globals: Globals,
  environment: Environment,
  options: { confirm?: boolean } = {},
): Promise<string> {
  return (
    (await givenPassword(globals, environment, 'PASSWORD')) ?? fromTerminal('repository password', options)
  );
}

/** The same without the terminal; `name` is what the variables are called, after `RELOCATE_` or `RESTIC_`. */
export async function givenPassword(
  {
    passwordFile,
    passwordCommand,
  }: { passwordFile?: string | undefined; passwordCommand?: string | undefined },
  environment: Environment,
  name: 'PASSWORD' | 'FROM_PASSWORD',
): Promise<string | undefined> {
  const given = (suffix: string) => environment[`RELOCATE_${suffix}`] ?? environment[`RESTIC_${suffix}`];
  if (passwordFile !== undefined) return fromFile(passwordFile);
  if (passwordCommand !== undefined) return fromCommand(passwordCommand);
  const file = given(`${name}_FILE`);
  if (file !== undefined) return fromFile(file);
  const command = given(`${name}_COMMAND`);
  if (command !== undefined) return fromCommand(command);
  const plain = given(name);
  return plain === undefined ? undefined : notEmpty(plain, `RELOCATE_${name}`);
}

export async function fromFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new RelocateError('usage', `The password file ${path} cannot be read.`, { cause });
  }
  return notEmpty(text, path);
}

async function fromCommand(command: string): Promise<string> {
  const { execa } = await import('execa');
  const result = await execa('sh', ['-c', command], { reject: false, stderr: 'inherit', stdin: 'inherit' });
  if (result.exitCode !== 0) {
    throw new RelocateError('usage', 'The password command failed.', {
      facts: { exitCode: result.exitCode },
    });
  }
  return notEmpty(result.stdout, 'the password command');
}

function notEmpty(text: string, where: string): string {
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new RelocateError('usage', `The password from ${where} is empty.`);
  return password;
}

/** Asks without echo. With `confirm`, twice: a password mistyped at creation locks its owner out. */
export async function fromTerminal(
  what: string,
  { confirm = false }: { confirm?: boolean },
): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new RelocateError('usage', `No ${what} was given.`, {
      hint: 'Give --password-file FILE, --password-command COMMAND, or set RELOCATE_PASSWORD.',
    });
  }
  const password = notEmpty(await ask(`${what}: `), 'the terminal');
  if (confirm && (await ask(`${what} again: `)) !== password) {
    throw new RelocateError('usage', 'The two passwords differ. Nothing was done.');
  }
  return password;
}

async function ask(prompt: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const { Writable } = await import('node:stream');
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(prompt);
  const lines = createInterface({ input: process.stdin, output: mute, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(new RelocateError('interrupted', 'Interrupted. Nothing was done.')));
      lines.once('close', () => reject(new RelocateError('usage', 'No password was given.')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

import path from 'node:path';
import type { Readable } from 'node:stream';
import { RelocateError, type ErrorCode } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { PostgresBinaries, PostgresTool } from './binaries.ts';
import { redactUrl, toolEnvironment } from './url.ts';

export interface ToolRun {
  binaries: PostgresBinaries;
  tool: PostgresTool;
  /** No connection and no secrets: those go by the environment. */
  args: readonly string[];
  url: string;
  /** Session settings for this run, e.g. { synchronous_commit: 'off' }. */
  settings?: Readonly<Record<string, string>>;
  failure: ErrorCode;
  emit: Emit;
  signal: AbortSignal;
}

/** Runs one of PostgreSQL's programs to its end. Throws `run.failure` with its words; its warnings are emitted. */
export async function runTool(run: ToolRun): Promise<void> {
  const { finished } = await startTool(run, 'ignore');
  await finished;
}

/**
 * What the program writes to stdout, and at the end, instead of an end, the error if it failed: a reader that got to the
 * end has all of it.
 */
export async function* streamTool(run: ToolRun): AsyncGenerator<Uint8Array, void, void> {
  const { stdout, finished, stop } = await startTool(run, 'pipe');
  try {
    if (stdout !== null) for await (const chunk of stdout) yield asBytes(chunk);
    await finished;
  } finally {
    // A reader that gave up must not leave the program waiting for it.
    stop();
    await finished.catch(() => {});
  }
}

async function startTool(
  run: ToolRun,
  stdout: 'ignore' | 'pipe',
): Promise<{ stdout: Readable | null; finished: Promise<void>; stop: () => void }> {
  const { execa } = await import('execa');
  const environment = toolEnvironment(run.url);
  const settings = Object.entries(run.settings ?? {}).map(([name, value]) => `-c ${name}=${value}`);
  if (settings.length > 0) environment['PGOPTIONS'] = [environment['PGOPTIONS'] ?? '', ...settings].join(' ');
  const program = execa(path.join(run.binaries.folder, run.tool), [...run.args], {
    env: environment,
    extendEnv: false,
    stdin: 'ignore',
    stdout,
    stderr: 'pipe',
    buffer: false,
    reject: false,
    cancelSignal: run.signal,
    forceKillAfterDelay: 2000,
  });
  const words = collectTail(program.stderr);
  const finish = async (): Promise<void> => {
    const [result, stderr] = await Promise.all([program, words]);
    run.signal.throwIfAborted();
    const lines = withoutSecrets(stderr);
    if (result.exitCode === 0 && !result.failed && !lines.some(isError)) {
      for (const message of lines.filter(isWarning)) run.emit({ type: 'warning', code: run.tool, message });
      return;
    }
    throw toolFailure(run, result.exitCode ?? result.signal ?? result.code, lines);
  };
  const finished = finish();
  // Whoever waits for it sees the failure; until then it is nobody's unhandled rejection.
  finished.catch(() => {});
  return { stdout: program.stdout, finished, stop: () => void program.kill() };
}

function toolFailure(
  run: ToolRun,
  exit: string | number | undefined,
  lines: readonly string[],
): RelocateError {
  const said =
    lines.find(isError) ?? lines.at(-1) ?? `it ended with ${exit ?? 'no exit code'} and said nothing`;
  return new RelocateError(run.failure, `${run.tool} failed: ${said}`, {
    facts: { url: redactUrl(run.url), exit, output: lines.slice(-20).join('\n') },
    hint: `Nothing was lost. When the cause is gone, run the same command again.`,
  });
}

const maxWordsLength = 64 * 1024;

async function collectTail(stream: Readable | null): Promise<string> {
  let text = '';
  if (stream === null) return text;
  stream.setEncoding('utf8');
  for await (const chunk of stream) text = (text + String(chunk)).slice(-maxWordsLength);
  return text;
}

/** pg_restore repeats a statement that failed, and statements may hold passwords (user mappings, subscriptions). */
function withoutSecrets(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      /password/i.test(line) && /\bcommand was\b|\boptions\b|\bconnection\b/i.test(line)
        ? '(a line that may hold a password)'
        : line,
    );
}

const isError = (line: string): boolean => /^\S+: (error|fatal|detail): /.test(line);
const isWarning = (line: string): boolean => /^\S+: warning: /.test(line);

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('a stream of bytes gave something else');
}

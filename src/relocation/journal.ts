import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';

/**
 * The journal of one deployment: JSON lines, only ever appended to, each on disk before the work goes on. A step is
 * written before it begins and after it ended, so whoever reads the journal after a `kill -9` knows which step may be
 * half done. It holds no secrets.
 */
const header = z.object({
  type: z.literal('header'),
  journalVersion: z.literal(1),
  deployment: z.string(),
  /** SHA-256 of plan.json: a journal belongs to one plan. */
  planDigest: z.string(),
  /** Passwords are derived from the repository, so only the same one can go on. */
  repository: z.object({ id: z.string(), url: z.string() }),
  startedAt: z.iso.datetime(),
});

const entry = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), step: z.string(), at: z.iso.datetime() }),
  z.object({
    type: z.literal('done'),
    step: z.string(),
    at: z.iso.datetime(),
    durationMs: z.number(),
    result: z.unknown(),
  }),
  z.object({
    type: z.literal('failed'),
    step: z.string(),
    at: z.iso.datetime(),
    durationMs: z.number(),
    message: z.string(),
  }),
]);

export type JournalHeader = z.infer<typeof header>;
export type JournalEntry = z.infer<typeof entry>;

export interface JournalContent {
  header: JournalHeader;
  entries: JournalEntry[];
  /** Length of what was written whole; a torn last line is not part of it. */
  soundBytes: number;
}

export type StepState =
  | { state: 'started'; startedAt: string }
  | { state: 'failed'; startedAt: string; durationMs: number }
  | { state: 'done'; startedAt: string; durationMs: number; result: unknown };

/** Pure. A last line that a crash tore is left out; any other line that cannot be read throws `deployment-damaged`. */
export function parseJournal(content: Buffer): JournalContent {
  const soundBytes = content.lastIndexOf('\n') + 1;
  const lines = content.subarray(0, soundBytes).toString('utf8').split('\n').slice(0, -1);
  const [first, ...others] = lines.map((line, index) => parseLine(line, index + 1));
  const parsedHeader = header.safeParse(first);
  if (!parsedHeader.success) throw damaged(1);
  const entries = others.map((value, index) => {
    const parsed = entry.safeParse(value);
    if (!parsed.success) throw damaged(index + 2);
    return parsed.data;
  });
  return { header: parsedHeader.data, entries, soundBytes };
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw damaged(number);
  }
}

function damaged(line: number): RelocateError {
  return new RelocateError(
    'deployment-damaged',
    `The deployment’s journal cannot be read: line ${line} is damaged.`,
    {
      facts: { line },
      hint: 'Remove the deployment with “relocate destroy”, then deploy again. The repository is not touched.',
    },
  );
}

/** Pure: what is known of each step, by its ID; later lines win. */
export function stepStates(entries: readonly JournalEntry[]): Map<string, StepState> {
  const states = new Map<string, StepState>();
  for (const line of entries) applyEntry(states, line);
  return states;
}

function applyEntry(states: Map<string, StepState>, line: JournalEntry): void {
  const startedAt = line.type === 'started' ? line.at : (states.get(line.step)?.startedAt ?? line.at);
  states.set(line.step, stateAfter(line, startedAt));
}

function stateAfter(line: JournalEntry, startedAt: string): StepState {
  if (line.type === 'started') return { state: 'started', startedAt };
  const { durationMs } = line;
  return line.type === 'failed'
    ? { state: 'failed', startedAt, durationMs }
    : { state: 'done', startedAt, durationMs, result: line.result };
}

export async function readJournal(path: string): Promise<JournalContent> {
  return parseJournal(await readFile(path));
}

export interface Journal {
  readonly header: JournalHeader;
  readonly steps: ReadonlyMap<string, StepState>;
  started(step: string): Promise<void>;
  /** `result` is what `--resume` reuses instead of running the step again. */
  done(step: string, durationMs: number, result: unknown): Promise<void>;
  failed(step: string, durationMs: number, message: string): Promise<void>;
  close(): Promise<void>;
}

export function encodeHeader(value: JournalHeader): string {
  return `${JSON.stringify(value)}\n`;
}

export function encodeEntries(entries: readonly JournalEntry[]): string {
  return entries.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Opens a journal to go on with it. What a crash tore off at its end is cut away first. */
export async function openJournal(path: string): Promise<Journal> {
  const { header, entries, soundBytes } = await readJournal(path);
  await truncate(path, soundBytes);
  const file = await open(path, 'a', 0o600);
  const steps = stepStates(entries);
  const append = appender(file, (line) => applyEntry(steps, line));
  return {
    header,
    steps,
    started: (step) => append({ type: 'started', step, at: now() }),
    done: (step, durationMs, result) => append({ type: 'done', step, at: now(), durationMs, result }),
    failed: (step, durationMs, message) => append({ type: 'failed', step, at: now(), durationMs, message }),
    close: () => file.close(),
  };
}

const now = (): string => new Date().toISOString();

/** Steps run side by side; their lines go one after the other, each on disk before its step goes on. */
function appender(
  file: FileHandle,
  written: (line: JournalEntry) => void,
): (line: JournalEntry) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (line) => {
    const write = async () => {
      await file.appendFile(encodeEntries([line]));
      await file.datasync();
      written(line);
    };
    const next = last.then(write);
    last = next.catch(() => {});
    return next;
  };
}

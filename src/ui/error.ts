import { exitCodeOf, RelocateError } from '../errors.ts';
import type { ErrorCode, Facts } from '../errors.ts';
import { sanitise, sanitiseLines, wrapWords } from './format.ts';
import { painter, type Paint } from './paint.ts';

export interface ErrorStyle {
  color: boolean;
  /** Adds all facts, the chain of causes, and the stack of what should not have happened. */
  verbose: boolean;
  /** The terminal's columns. Where there is no terminal, lines are left whole for the tools that read them. */
  width?: number;
}

/** An error for a person: what happened, the values that the message leaves out, and after an arrow the way on. */
export function renderError(error: unknown, style: ErrorStyle): string {
  const paint = painter(style.color);
  const width = style.width === undefined ? Infinity : Math.min(style.width, 100) - 2;
  const [first = '', ...more] = wrapAll(messageOf(error), width);
  const lines = [`${paint('red', '✖')} ${paint('bold', first)}`, ...more.map((line) => `  ${line}`)];
  lines.push(...factLines(error, style.verbose).map((line) => paint('dim', `  ${line}`)));
  if (style.verbose) lines.push(...causeLines(error).map((line) => paint('dim', `  ${line}`)));
  lines.push(...hintLines(hintOf(error), width, paint));
  return lines.join('\n');
}

/** An error for a program, as the last line of `--json`. */
export interface ErrorDocument {
  code: ErrorCode;
  message: string;
  facts: Facts;
  hint: string;
  exitCode: number;
}

export function errorDocument(error: unknown): ErrorDocument {
  const known = error instanceof RelocateError;
  return {
    code: known ? error.code : 'internal',
    message: messageOf(error),
    facts: known ? error.facts : {},
    hint: hintOf(error),
    exitCode: exitCodeOf(error),
  };
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('\n');
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? error.name : error.message;
}

function hintOf(error: unknown): string {
  if (error instanceof RelocateError && error.code !== 'internal') return error.hint ?? '';
  const hint = error instanceof RelocateError ? error.hint : undefined;
  const bug =
    'This is a bug in relocate. Snapshots that were reported are safe. Please report it with the output of the same command and -v.';
  return hint === undefined ? bug : `${hint} ${bug}`;
}

/** Facts that the message or hint speak of already would only be read twice. */
function factLines(error: unknown, verbose: boolean): string[] {
  if (!(error instanceof RelocateError)) return [];
  const said = `${error.message} ${error.hint ?? ''}`;
  return Object.entries(error.facts).flatMap(([name, value]) => {
    if (value === undefined || (!verbose && isSaid(value, said))) return [];
    const [first = '', ...more] = sanitiseLines(String(value));
    return [`${wordsOf(name)}: ${first}`, ...more.map((line) => `  ${line}`)];
  });
}

function isSaid(value: string | number | boolean, said: string): boolean {
  // A bare flag means something to a program only.
  if (typeof value === 'boolean') return true;
  return typeof value === 'string' ? said.includes(value) : said.split(/[^\d.]+/u).includes(String(value));
}

/** `sizeBytes` → `size bytes` */
function wordsOf(name: string): string {
  return sanitise(
    name.replace(
      /([a-z])([A-Z])/gu,
      (_all, before: string, after: string) => `${before} ${after.toLowerCase()}`,
    ),
  );
}

const maxCauses = 10;

function causeLines(error: unknown): string[] {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < maxCauses && current instanceof Error; depth += 1) {
    if (depth > 0) lines.push(...sanitiseLines(`caused by: ${messageOf(current)}`));
    if (current instanceof AggregateError) {
      lines.push(
        ...current.errors.slice(0, maxCauses).flatMap((one) => sanitiseLines(`· ${messageOf(one)}`)),
      );
    }
    if (!(current instanceof RelocateError) || current.code === 'internal')
      lines.push(...stackLines(current));
    current = current.cause;
  }
  return lines;
}

function stackLines(error: Error): string[] {
  return sanitiseLines(error.stack ?? '').filter((line) => line.trimStart().startsWith('at '));
}

function hintLines(hint: string, width: number, paint: Paint): string[] {
  if (hint === '') return [];
  // The command to go on with stands whole on a line of its own, to be copied.
  const [, words = hint, command] = /^(.*:) (relocate [^“”—]+)$/su.exec(hint) ?? [];
  const lines = wrapAll(words, width).map(
    (line, index) => `${index === 0 ? '→' : ' '} ${paintCommands(line, paint)}`,
  );
  return command === undefined ? lines : [...lines, `    ${paint('cyan', sanitise(command))}`];
}

function wrapAll(text: string, width: number): string[] {
  return sanitiseLines(text).flatMap((line) => wrapWords(line, width));
}

function paintCommands(line: string, paint: Paint): string {
  return line.replace(/`[^`]+`/gu, (command) => paint('cyan', command));
}

import { RelocateError } from '../errors.ts';

/** Something wrong in a file that a person wrote. */
export interface Problem {
  /** What is wrong and what would be right. Holds no expanded values: they may be secrets. */
  message: string;
  /** Where in the file, in UTF-16 units; `end` is behind the last one. */
  start: number;
  end: number;
}

export const maxListed = 20;
const maxLineLength = 110;
/** No line that a person wrote is longer; it is not shown, for secrets in it could not be told in reasonable time. */
const maxQuotedLine = 10_000;

/**
 * One `config-invalid` for all problems of a file, in the file's order, each with line, column and the line itself;
 * without that line where `quote` is false, for files that hold secrets.
 */
export function invalidFile(
  file: string,
  text: string,
  problems: readonly Problem[],
  { quote } = { quote: true },
): RelocateError {
  const distinct = new Map(problems.map((problem) => [`${problem.start} ${problem.message}`, problem]));
  const sorted = [...distinct.values()].sort((a, b) => a.start - b.start);
  const lines = splitLines(text);
  const listed = sorted.slice(0, maxListed).map((problem) => describe(file, lines, problem, quote));
  const more = sorted.length - listed.length;
  const first = locate(lines, sorted[0]?.start ?? 0);
  return new RelocateError(
    'config-invalid',
    `${file} has ${sorted.length === 1 ? 'a problem' : `${sorted.length} problems`}:\n\n${listed.join('\n\n')}${
      more > 0 ? `\n\n…and ${more} more` : ''
    }`,
    {
      facts: { file, line: first.line, column: first.column, problems: sorted.length },
      hint: `Nothing was done. Correct ${file}, then run the same command again; docs/CONFIGURATION.md shows every key.`,
    },
  );
}

interface Line {
  start: number;
  text: string;
}

function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  for (const match of text.matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)) {
    if (match[0] === '' && match.index > 0) break;
    lines.push({ start: match.index, text: match[1] ?? '' });
  }
  return lines;
}

/** Line and column both count from 1. */
function locate(lines: readonly Line[], offset: number): { line: number; column: number; text: string } {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lines[middle]?.start ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const line = lines[low] ?? { start: 0, text: '' };
  return { line: low + 1, column: offset - line.start + 1, text: line.text };
}

function describe(file: string, lines: readonly Line[], problem: Problem, quote: boolean): string {
  const { line, column, text } = locate(lines, problem.start);
  if (!quote || text.length > maxQuotedLine) return `${file}:${line}:${column}: ${problem.message}`;
  const from = Math.max(0, column - 1 - maxLineLength / 2);
  const shown = withoutSecrets(text)
    .slice(from, from + maxLineLength)
    .replaceAll(/\p{Cc}/gu, ' ');
  const marked = Math.max(1, Math.min(problem.end - problem.start, from + shown.length - (column - 1)));
  const gutter = String(line);
  const blank = ' '.repeat(gutter.length);
  const caret = ' '.repeat(column - 1 - from) + '^'.repeat(marked);
  return `${file}:${line}:${column}: ${problem.message}\n  ${gutter} | ${shown}\n  ${blank} | ${caret}`;
}

function stars(secret: string): string {
  return '*'.repeat(secret.length);
}

/** Stars of the same length, so that the caret stays under its word. */
function withoutSecrets(line: string): string {
  return line
    .replace(/(?<=:\/\/[^\s:/@]*:)[^\s@$]+(?=@)/g, stars)
    .replace(/(?<=(?:password|passwd|secret|token|key)["']?\s*[:=]\s*["']?)(?!["'$\s[{])[^\s,}"']+/gi, stars);
}

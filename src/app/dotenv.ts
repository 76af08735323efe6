import { expand, type Lookup } from './expand.ts';
import type { Problem } from './problems.ts';

const assignment = /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*/y;
const operators = /=[ \t]*|:[ \t]+|(?=[#\r\n]|$)/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Reads an env file as Compose does (https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/):
 * `NAME=value`, `export`, comments, single quotes (as is), double quotes (escapes; may span lines), variables in all
 * but single quotes. `NAME` alone takes its value from outside. `outer` comes before what the file itself said so far;
 * a variable that nobody sets is empty, and a dollar sign that begins none stands for itself.
 * What is wrong is added to `problems`, which never hold a value.
 */
export function readDotenv(text: string, outer: Lookup, problems: Problem[]): Record<string, string> {
  const values = new Map<string, string>();
  const lookup: Lookup = (name) => outer(name) ?? values.get(name) ?? '';
  let at = 0;
  while (at < text.length) {
    const lineEnd = endOfLine(text, at);
    if (/^\s*(#|$)/.test(text.slice(at, lineEnd))) {
      at = lineEnd + 1;
      continue;
    }
    assignment.lastIndex = at;
    const name = assignment.exec(text)?.[1];
    operators.lastIndex = assignment.lastIndex;
    const operator = name === undefined ? undefined : operators.exec(text)?.[0];
    if (name === undefined || operator === undefined) {
      problems.push({ message: 'must read NAME=value', start: at, end: lineEnd });
      at = lineEnd + 1;
      continue;
    }
    if (operator === '') {
      const value = outer(name);
      if (value !== undefined) values.set(name, value);
      at = lineEnd + 1;
      continue;
    }
    const found = readValue(text, operators.lastIndex, lookup);
    if (found === undefined) {
      problems.push({ message: `the quote of ${name} is not closed`, start: at, end: lineEnd });
      break;
    }
    values.set(name, found.value);
    at = endOfLine(text, found.end) + 1;
  }
  return Object.fromEntries(values);
}

function readValue(text: string, start: number, lookup: Lookup): { value: string; end: number } | undefined {
  const quote = text[start];
  if (quote !== '"' && quote !== "'") {
    const end = endOfLine(text, start);
    const plain = text
      .slice(start, end)
      .replace(/(^|[ \t])#[^]*$/, '')
      .trimEnd();
    return { value: expandLeniently(plain, lookup), end };
  }
  const pattern = quote === "'" ? /'([^']*)'/y : /"([^"\\]*(?:\\[^][^"\\]*)*)"/y;
  pattern.lastIndex = start;
  const [matched, inner] = pattern.exec(text) ?? [];
  if (matched === undefined || inner === undefined) return undefined;
  return { value: quote === "'" ? inner : unescape(inner, lookup), end: start + matched.length };
}

/** An escaped dollar sign begins no variable, so it is kept apart until variables are expanded. */
function unescape(inner: string, lookup: Lookup): string {
  const plain = inner
    .split(/(\\[^])/)
    .map((part) => {
      if (!part.startsWith('\\')) return part;
      const escaped = part.slice(1);
      return escaped === '$' ? '$$' : (escapes[escaped] ?? (/["\\]/.test(escaped) ? escaped : part));
    })
    .join('');
  return expandLeniently(plain, lookup);
}

function expandLeniently(text: string, lookup: Lookup): string {
  const { text: expanded, problems } = expand(text, lookup);
  return problems.some((problem) => !problem.message.startsWith('a lone')) ? text : expanded;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

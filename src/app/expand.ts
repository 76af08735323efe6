/** The value of a variable; undefined where it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface Expansion {
  text: string;
  problems: ExpansionProblem[];
  /** Every variable that was looked at, with the text it stood for. Holds secrets. */
  used: { name: string; value: string; byDefault: boolean }[];
}

export interface ExpansionProblem {
  message: string;
  /** Where in the given text, in UTF-16 units. */
  offset: number;
}

const maxNesting = 16;
const nameStart = /[A-Za-z_]/;
const nameAt = /[A-Za-z_][A-Za-z0-9_]*/y;
const operatorAt = /:?[-?+]/y;

/**
 * Expands variables as Compose interpolates its files
 * (https://docs.docker.com/reference/compose-file/interpolation/): `$NAME`, `${NAME}`, `${NAME:-default}`,
 * `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`, `${NAME:+other}`, `${NAME+other}`, and `$$` for a dollar
 * sign. Defaults may hold variables themselves; values are never expanded again. Other than in Compose a variable
 * that is not set and has no default is a problem, not an empty string.
 */
export function expand(text: string, lookup: Lookup): Expansion {
  const expander = new Expander(text, lookup);
  return { text: expander.until(undefined, 0), problems: expander.problems, used: expander.used };
}

class Expander {
  readonly problems: ExpansionProblem[] = [];
  readonly used: Expansion['used'] = [];
  readonly #text: string;
  readonly #lookup: Lookup;
  #at = 0;
  #hasGivenUp = false;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = lookup;
  }

  /** Reads up to `end` (not past it), or to the end of the text. */
  until(end: '}' | undefined, depth: number): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at];
      if (character === end) break;
      if (character === '$') result += this.#dollar(depth);
      else {
        result += character;
        this.#at++;
      }
    }
    return result;
  }

  #dollar(depth: number): string {
    const start = this.#at++;
    const next = this.#text[this.#at] ?? '';
    if (next === '$') {
      this.#at++;
      return '$';
    }
    if (next === '{') return this.#braced(start, depth);
    if (nameStart.test(next)) return this.#value(this.#match(nameAt) ?? '', start);
    this.#problem(start, 'a lone "$": write "$$" for a dollar sign, or "${NAME}" for a variable');
    return '$';
  }

  #braced(start: number, depth: number): string {
    this.#at++;
    const name = this.#match(nameAt);
    if (name === undefined || depth >= maxNesting) {
      return this.#giveUp(
        start,
        name === undefined ? 'no variable name after "${"' : 'variables are nested too deeply',
      );
    }
    const operator = this.#match(operatorAt);
    // What is not chosen must be read past, but what it lacks is no problem.
    const marks = { problems: this.problems.length, used: this.used.length };
    const operand = operator === undefined ? '' : this.until('}', depth + 1);
    if (this.#text[this.#at] !== '}') return this.#giveUp(start, `"\${${name}" is not closed by "}"`);
    this.#at++;
    const value = this.#lookup(name);
    const isSet =
      operator?.startsWith(':') === true ? value !== undefined && value !== '' : value !== undefined;
    const takesOperand = operator?.endsWith('+') === true ? isSet : operator !== undefined && !isSet;
    if (!takesOperand) {
      this.problems.length = marks.problems;
      this.used.length = marks.used;
    }
    if (operator === undefined) return this.#value(name, start);
    if (operator.endsWith('+')) return isSet ? operand : '';
    if (isSet) return this.#use(name, value ?? '', false);
    if (operator.endsWith('-')) return this.#use(name, operand, true);
    this.#problem(start, `the variable ${name} is not set: ${operand === '' ? 'it is required' : operand}`);
    return '';
  }

  #value(name: string, start: number): string {
    const value = this.#lookup(name);
    if (value !== undefined) return this.#use(name, value, false);
    this.#problem(start, `the variable ${name} is not set; set it, or give a default: \${${name}:-…}`);
    return '';
  }

  #use(name: string, value: string, byDefault: boolean): string {
    this.used.push({ name, value, byDefault });
    return value;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  /** Nothing behind this can be told. What is around it lacks its end for the same reason, and does not say so again. */
  #giveUp(start: number, message: string): '' {
    if (!this.#hasGivenUp) this.#problem(start, message);
    this.#hasGivenUp = true;
    this.#at = this.#text.length;
    return '';
  }

  #problem(offset: number, message: string): void {
    this.problems.push({ message, offset });
  }
}

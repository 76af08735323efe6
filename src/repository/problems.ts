/** Of a repository of which much is lost nobody reads every line, and all of them would fill the memory. */
const mostLines = 10_000;

/** What `check` finds, one plain sentence each. */
export class Problems {
  readonly #lines: string[];
  #left = 0;

  constructor(lines: readonly string[] = []) {
    this.#lines = [...lines];
  }

  add(line: string): void {
    if (this.#lines.length < mostLines) this.#lines.push(line);
    else this.#left += 1;
  }

  lines(): string[] {
    return this.#left === 0 ? this.#lines : [...this.#lines, `And ${this.#left} more of this kind.`];
  }
}

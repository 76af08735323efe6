/**
 * Reads JSON from bytes value by value, for documents whose millions of values must never stand in memory all at once.
 * Who reads says what they expect; anything else is a `SyntaxError`, as from `JSON.parse`.
 */
export class JsonReader {
  readonly #bytes: Buffer;
  readonly #words: readonly { text: string; bytes: Buffer }[];
  #at = 0;

  /** `words`: texts that come again and again, and need not be made anew each time. */
  constructor(bytes: Buffer, words: readonly string[] = []) {
    this.#bytes = bytes;
    this.#words = words.map((text) => ({ text, bytes: Buffer.from(text) }));
  }

  /** Calls `each` with every key, which must then read or skip the value. */
  object(each: (key: string) => void): void {
    this.#expect(openBrace);
    if (this.#take(closeBrace)) return;
    do {
      const key = this.string();
      this.#expect(colon);
      each(key);
    } while (this.#take(comma));
    this.#expect(closeBrace);
  }

  /** Calls `each` before every element, which it must then read or skip. */
  array(each: () => void): void {
    this.#expect(openBracket);
    if (this.#take(closeBracket)) return;
    do each();
    while (this.#take(comma));
    this.#expect(closeBracket);
  }

  /** True, and one value further, where the value is null. */
  takeNull(): boolean {
    if (this.#next() !== letterN) return false;
    this.#literal('null');
    return true;
  }

  string(): string {
    const [from, to] = this.#stringRange();
    for (const { text, bytes } of this.#words) if (this.#isWord(bytes, from, to)) return text;
    return this.#text(from, to);
  }

  /** A string of hex digits, into numbers of eight digits each, big-endian; as many as there is room for, no less. */
  hex(into: Uint32Array): void {
    const [from, to] = this.#stringRange();
    if (to - from !== into.length * 8) throw this.#wrong();
    for (let word = 0; word < into.length; word += 1) {
      let value = 0;
      for (let at = from + word * 8; at < from + word * 8 + 8; at += 1) {
        const digit = hexDigits[this.#bytes[at] ?? 0] ?? 16;
        if (digit > 15) throw this.#wrong();
        value = (value << 4) | digit;
      }
      into[word] = value;
    }
  }

  /** A whole number, not negative, as the format writes lengths. */
  integer(): number {
    const [from, to] = this.#numberRange();
    let value = 0;
    for (let at = from; at < to; at += 1) {
      const digit = (this.#bytes[at] ?? 0) - zero;
      if (digit < 0 || digit > 9) throw this.#wrong();
      value = value * 10 + digit;
    }
    if (!Number.isSafeInteger(value) || (to - from > 1 && this.#bytes[from] === zero)) throw this.#wrong();
    return value;
  }

  /** Past the next value, whatever it is, and however deep. */
  skip(): void {
    let depth = 0;
    do {
      const byte = this.#next();
      if (depth === 0 && (byte === comma || byte === colon)) throw this.#wrong();
      if (byte === openBrace || byte === openBracket) depth += 1;
      else if (byte === closeBrace || byte === closeBracket) depth -= 1;
      if (byte === quote) this.#stringRange();
      else if (byte === letterN) this.#literal('null');
      else if (byte === letterT) this.#literal('true');
      else if (byte === letterF) this.#literal('false');
      else if (structural.has(byte)) this.#at += 1;
      else this.#numberRange();
      if (depth < 0) throw this.#wrong();
    } while (depth > 0);
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.#next() !== -1) throw this.#wrong();
  }

  #isWord(word: Buffer, from: number, to: number): boolean {
    if (word.length !== to - from) return false;
    for (let at = 0; at < word.length; at += 1) if (word[at] !== this.#bytes[from + at]) return false;
    return true;
  }

  #text(from: number, to: number): string {
    const text = this.#bytes.toString('utf8', from, to);
    if (!text.includes('\\')) return text;
    const parsed: unknown = JSON.parse(`"${text}"`);
    return typeof parsed === 'string' ? parsed : '';
  }

  /** Between its quotes. */
  #stringRange(): [number, number] {
    this.#expect(quote);
    const from = this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at] ?? -1;
      if (byte < 0x20) throw this.#wrong();
      this.#at += byte === backslash ? 2 : 1;
      if (byte === quote) return [from, this.#at - 1];
    }
  }

  #numberRange(): [number, number] {
    this.#next();
    const from = this.#at;
    while (numberBytes[this.#bytes[this.#at] ?? 0] === 1) this.#at += 1;
    if (this.#at === from) throw this.#wrong();
    return [from, this.#at];
  }

  #literal(text: string): void {
    if (this.#bytes.toString('latin1', this.#at, this.#at + text.length) !== text) throw this.#wrong();
    this.#at += text.length;
  }

  #expect(byte: number): void {
    if (!this.#take(byte)) throw this.#wrong();
  }

  #take(byte: number): boolean {
    if (this.#next() !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** The next byte that is no white space, or -1. */
  #next(): number {
    let byte = this.#bytes[this.#at] ?? -1;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.#at += 1;
      byte = this.#bytes[this.#at] ?? -1;
    }
    return byte;
  }

  #wrong(): SyntaxError {
    return new SyntaxError(`Not the JSON that was expected, at byte ${this.#at}.`);
  }
}

const codeOf = (character: string): number => character.charCodeAt(0);
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [letterN, letterT, letterF, zero] = [codeOf('n'), codeOf('t'), codeOf('f'), codeOf('0')];
/** Lowercase, as IDs are written. */
const hexDigits = new Uint8Array(256).fill(16);
for (let value = 0; value < 16; value += 1) hexDigits[codeOf(value.toString(16))] = value;
const structural = new Set([openBrace, closeBrace, openBracket, closeBracket, comma, colon]);
const numberBytes = new Uint8Array(256);
for (const character of '0123456789+-.eE') numberBytes[codeOf(character)] = 1;

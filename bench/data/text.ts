import { SeededNumbers } from './random.ts';

/** Many words in one stretch of memory: copied from there byte by byte, which is several times as fast as strings. */
class Vocabulary {
  readonly size: number;
  readonly bytes: Buffer;
  readonly starts: Uint32Array;

  constructor(list: readonly string[]) {
    this.size = list.length;
    this.bytes = Buffer.from(list.join(''), 'latin1');
    this.starts = new Uint32Array(list.length + 1);
    for (const [index, word] of list.entries())
      this.starts[index + 1] = (this.starts[index] ?? 0) + word.length;
  }
}

/** A buffer that is written full with text; what does not fit any more is cut off. */
class Sheet {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isFull(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** ASCII only. */
  put(text: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index += 1) bytes[at++] = text.charCodeAt(index);
    this.#at = at;
  }

  word({ bytes: from, starts }: Vocabulary, index: number): void {
    const bytes = this.#bytes;
    const end = starts[index + 1] ?? 0;
    let at = this.#at;
    for (let next = starts[index] ?? 0; next < end; next += 1) bytes[at++] = from[next] ?? 0;
    this.#at = at;
  }

  /** With zeros in front, up to so many digits. */
  number(value: number, digits: number): void {
    let left = value;
    for (let place = this.#at + digits - 1; place >= this.#at; place -= 1) {
      this.#bytes[place] = 48 + (left % 10);
      left = Math.floor(left / 10);
    }
    this.#at += digits;
  }
}

const syllables =
  'al an ar be ca co da de di en er fi ge ha in is ka le lo ma me mi na ne no on or pa pe ra re ri ro sa se si so ta te ti to un ur va ve wi'.split(
    ' ',
  );

/** Words of a language that does not exist, each of two to four syllables. */
function makeWords(count: number, seed: number): string[] {
  const numbers = new SeededNumbers(seed);
  const syllable = () => syllables[numbers.below(syllables.length)] ?? '';
  return Array.from({ length: count }, () => Array.from({ length: 2 + numbers.below(3) }, syllable).join(''));
}

const wordList = makeWords(8000, 1);
const words = new Vocabulary(wordList);
const identifiers = new Vocabulary(
  makeWords(20_000, 2).map((first, index) => {
    const second = wordList[index % wordList.length] ?? '';
    return index % 3 === 0 ? first : `${first}${second.slice(0, 1).toUpperCase()}${second.slice(1)}`;
  }),
);

/** Rows of a forum as a dump of its database has them. */
export function fillSql(buffer: Buffer, seed: number): void {
  const numbers = new SeededNumbers(seed);
  const sheet = new Sheet(buffer);
  let id = seed * 4000;
  while (!sheet.isFull) {
    const author = numbers.skewed(words.size);
    const family = numbers.skewed(words.size);
    sheet.put('INSERT INTO public.entry (id, author, email, created_at, score, token, body) VALUES (');
    sheet.number((id += 1), 9);
    sheet.put(", '");
    sheet.word(words, author);
    sheet.put('.');
    sheet.word(words, family);
    sheet.put("', '");
    sheet.word(words, author);
    sheet.number(numbers.below(100), 2);
    sheet.put('@');
    sheet.word(words, family);
    sheet.put(".example', '20");
    sheet.number(10 + numbers.below(16), 2);
    sheet.put('-');
    sheet.number(1 + numbers.below(12), 2);
    sheet.put('-');
    sheet.number(1 + numbers.below(28), 2);
    sheet.put(' ');
    sheet.number(numbers.below(24), 2);
    sheet.put(':');
    sheet.number(numbers.below(60), 2);
    sheet.put(':');
    sheet.number(numbers.below(60), 2);
    sheet.put('.');
    sheet.number(numbers.below(1_000_000), 6);
    sheet.put("+00', ");
    sheet.number(numbers.below(1000), 3);
    sheet.put(", '");
    sheet.number(numbers.next(), 10);
    sheet.put("', '");
    for (let left = 4 + numbers.below(40); left > 0; left -= 1) {
      sheet.word(words, numbers.skewed(words.size));
      sheet.put(left > 1 ? ' ' : '.');
    }
    sheet.put("');\n");
  }
}

/** A source file: a licence, then functions that speak of few things again and again, as functions do. */
export function fillSource(buffer: Buffer, seed: number): void {
  const numbers = new SeededNumbers(seed);
  const sheet = new Sheet(buffer);
  putLicence(sheet, numbers.below(8));
  const own = Array.from({ length: 12 + numbers.below(90) }, () => numbers.skewed(identifiers.size));
  const name = () => sheet.word(identifiers, own[numbers.skewed(own.length)] ?? 0);
  while (!sheet.isFull) {
    if (numbers.below(3) > 0) {
      sheet.put('/**\n *');
      putProse(sheet, numbers, 5 + numbers.below(20));
      sheet.put('.\n */\n');
    }
    sheet.put('export function ');
    name();
    sheet.put('(');
    name();
    sheet.put(': string, options: Options) {\n');
    for (let lines = 3 + numbers.below(22); lines > 0 && !sheet.isFull; lines -= 1)
      putStatement(sheet, numbers, name);
    sheet.put('}\n\n');
  }
}

function putProse(sheet: Sheet, numbers: SeededNumbers, count: number): void {
  for (let left = count; left > 0; left -= 1) {
    sheet.put(' ');
    sheet.word(words, numbers.skewed(words.size));
  }
}

/** One of five licences, or none. */
function putLicence(sheet: Sheet, kind: number): void {
  if (kind >= 5) return;
  const numbers = new SeededNumbers(100 + kind);
  sheet.put('/*\n');
  for (let lines = 4 + kind * 3; lines > 0; lines -= 1) {
    sheet.put(' *');
    putProse(sheet, numbers, 11);
    sheet.put('\n');
  }
  sheet.put(' */\n\n');
}

/** In `$`'s place stands a name, in `#`'s a number, in `_`'s a word of prose. */
const statements = [
  'if ($ !== $.length) {\n    return $;\n  }\n',
  'const $ = await $($, $);\n',
  '$.$ += #;\n',
  "throw new Error('_ _ _');\n",
  'for (const $ of $.$()) $.push($);\n',
  '// _ _ _ _\n',
  "$.$($, '$', #);\n",
].map((statement) => statement.split(/([$#_])/));

function putStatement(sheet: Sheet, numbers: SeededNumbers, name: () => void): void {
  for (let depth = numbers.below(3); depth >= 0; depth -= 1) sheet.put('  ');
  for (const part of statements[numbers.below(statements.length)] ?? []) {
    if (part === '$') name();
    else if (part === '#') sheet.number(numbers.below(1000), 3);
    else if (part === '_') sheet.word(words, numbers.skewed(words.size));
    else sheet.put(part);
  }
}

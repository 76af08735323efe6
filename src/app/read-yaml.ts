import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, type Node, parseDocument } from 'yaml';
import { expand, type Lookup } from './expand.ts';
import { maxListed, type Problem } from './problems.ts';

const maxSizeBytes = 1024 * 1024;
const maxDepth = 32;
const maxTokens = 200_000;
const maxNodes = 20_000;
const maxAliases = 100;
const maxSyntaxProblems = 5;

/** Plain values of a YAML document, each with the place it came from. */
export interface PlacedValue {
  value: unknown;
  places: Map<string, Place>;
}

export interface Place {
  start: number;
  end: number;
  /** Of the key in front of it, for an entry of a map. */
  key?: { start: number; end: number };
  /** The value is a text that held variables: a number may be meant by it. */
  expanded: boolean;
  /** Something is wrong with it already: what else is wrong with the stand-in is not worth saying. */
  broken: boolean;
}

export type Path = readonly (string | number)[];

export function placeKey(path: readonly PropertyKey[]): string {
  return path.map((step) => JSON.stringify(String(step))).join('.');
}

/** The place of the nearest thing at or above `path` that is in the file. */
export function placeOf(places: PlacedValue['places'], path: readonly PropertyKey[]): Place {
  for (let length = path.length; length >= 0; length--) {
    const place = places.get(placeKey(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return { start: 0, end: 0, expanded: false, broken: false };
}

/** True for text that can't be the file a person meant to write; `problems` then says why. */
export function refuseText(text: string, problems: Problem[]): boolean {
  const refuse = (start: number, length: number, message: string) => {
    problems.push({ message, start, end: start + length });
    return true;
  };
  if (text.length > maxSizeBytes) return refuse(0, 0, 'the file is larger than 1 MiB');
  const foreign = text.indexOf('\uFFFD');
  if (foreign >= 0) return refuse(foreign, 1, 'here is no valid UTF-8: save the file as UTF-8');
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(text);
  if (control !== null) return refuse(control.index, 1, 'a control character; remove it');
  const bomb = findBomb(text);
  return bomb !== undefined && refuse(bomb.start, 1, bomb.message);
}

/**
 * The parser takes seconds for what is nested ten thousand times over, and longer for as many keys: such a file is
 * told by its tokens, before it is parsed.
 */
function findBomb(text: string): { start: number; message: string } | undefined {
  let flowDepth = 0;
  let indicators = 0;
  let tokens = 0;
  let at = 0;
  let isText = false;
  for (const token of new Lexer().lex(text)) {
    if (token === '\x1f' || token === '\x02' || token === '\x18') {
      isText = token === '\x1f';
      continue;
    }
    if (!isText) {
      if (token === '[' || token === '{') flowDepth++;
      else if (token === ']' || token === '}') flowDepth--;
      else if (flowDepth <= 0 && (token === '-' || token === '?' || token === ':')) indicators++;
      else if (token.startsWith('\n') || token.startsWith('\r')) indicators = 0;
    }
    if (flowDepth > maxDepth || indicators > maxDepth) {
      return { start: at, message: `nested more than ${maxDepth} deep` };
    }
    if (++tokens > maxTokens) return { start: at, message: 'too much for a file of this kind' };
    isText = false;
    at += token.length;
  }
  return undefined;
}

/** Undefined, with `problems` filled, for what is no YAML 1.2. Duplicate keys are told by `toValue`, in linear time. */
export function parseYaml(text: string, problems: Problem[]): Document.Parsed | undefined {
  if (refuseText(text, problems)) return undefined;
  const document = parseDocument(text, { version: '1.2', prettyErrors: false, uniqueKeys: false });
  const syntaxProblems = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  for (const { message, code, pos } of syntaxProblems.slice(0, maxSyntaxProblems)) {
    const help = code === 'TAB_AS_INDENT' ? ': use spaces' : '';
    problems.push({ message: `no valid YAML: ${message}${help}`, start: pos[0], end: pos[1] });
  }
  return syntaxProblems.length === 0 ? document : undefined;
}

/**
 * Turns the part of a document at `node` into plain values, with variables expanded inside of string values, but for
 * those that `isVerbatim` says are to stay as they are written.
 * What is wrong is added to `problems`; a stand-in takes its place, so that the rest can be looked at too.
 */
export function toValue(
  document: Document.Parsed,
  node: Node | null | undefined,
  path: Path,
  use: Use,
): PlacedValue {
  const converter = new Converter(document, use);
  const value = converter.convert(node ?? null, path, undefined);
  return { value, places: converter.places };
}

interface Use {
  lookup: Lookup;
  text: string;
  problems: Problem[];
  note?: NoteVariable;
  isVerbatim?: (path: Path) => boolean;
}

export type NoteVariable = (name: string, value: string, byDefault: boolean) => void;

class Converter {
  readonly places: PlacedValue['places'] = new Map();
  readonly #document: Document.Parsed;
  readonly #use: Use;
  readonly #open = new Set<Node>();
  #nodes = 0;
  #aliases = 0;

  constructor(document: Document.Parsed, use: Use) {
    this.#document = document;
    this.#use = use;
  }

  convert(node: Node | null, path: Path, key: { start: number; end: number } | undefined): unknown {
    const start = node?.range?.[0] ?? key?.start ?? 0;
    const end = node?.range?.[1] ?? key?.end ?? start;
    const place: Place = { start, end, expanded: false, broken: false, ...(key && { key }) };
    this.places.set(placeKey(path), place);
    if (this.#nodes++ > maxNodes) {
      if (this.#nodes === maxNodes + 2) this.#break(place, 'too much for a file of this kind');
      place.broken = true;
      return undefined;
    }
    if (path.length > maxDepth) return this.#break(place, `nested more than ${maxDepth} deep`);
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node, path, place);
    if (this.#open.has(node)) return this.#break(place, 'this part holds itself');
    this.#open.add(node);
    const value = this.#content(node, path, place);
    this.#open.delete(node);
    return value;
  }

  #content(node: Node, path: Path, place: Place): unknown {
    if (isScalar(node))
      return typeof node.value === 'string' ? this.#text(node.value, path, place) : node.value;
    if (isSeq<Node | null>(node)) {
      return node.items.map((item, index) => this.convert(item, [...path, index], undefined));
    }
    return isMap<Node | null, Node | null>(node) ? this.#map(node.items, path) : null;
  }

  #map(pairs: readonly { key: Node | null; value: Node | null }[], path: Path): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    for (const pair of pairs) {
      const key = { start: pair.key?.range?.[0] ?? 0, end: pair.key?.range?.[1] ?? 0 };
      const name = keyName(pair.key);
      if (name === undefined || name === '__proto__') {
        this.#use.problems.push({ ...key, message: 'a key must be a simple word' });
      } else if (entries.has(name)) {
        this.#use.problems.push({ ...key, message: `the key "${name}" is here twice: keep one of them` });
      } else {
        entries.set(name, this.convert(pair.value, [...path, name], key));
      }
    }
    return Object.fromEntries(entries);
  }

  #alias(node: Node & { source: string }, path: Path, place: Place): unknown {
    const target = isAlias(node) ? node.resolve(this.#document) : undefined;
    if (target === undefined) return this.#break(place, `there is no anchor "&${node.source}" before this`);
    if (++this.#aliases > maxAliases)
      return this.#break(place, `more than ${maxAliases} aliases are followed`);
    if (this.#open.has(target))
      return this.#break(place, `the alias "*${node.source}" leads back into itself`);
    return this.convert(target, path, place.key);
  }

  #text(text: string, path: Path, place: Place): string {
    if (!text.includes('$') || this.#use.isVerbatim?.(path) === true) return text;
    const { text: expanded, problems, used } = expand(text, this.#use.lookup);
    place.expanded = true;
    for (const { name, value, byDefault } of used) this.#use.note?.(name, value, byDefault);
    for (const { message, offset } of problems.slice(0, maxListed)) {
      place.broken = true;
      this.#use.problems.push({ message, ...this.#within(place, text, offset) });
    }
    return expanded;
  }

  /** Where a stretch of the value lies in the file: quotes and folding may have moved it. */
  #within(place: Place, text: string, offset: number): { start: number; end: number } {
    const wanted = /^\$(\{[A-Za-z0-9_]*|[A-Za-z0-9_]*)/.exec(text.slice(offset))?.[0] ?? '$';
    const earlier = text.slice(0, offset).split(wanted).length - 1;
    let found = place.start - 1;
    for (let count = 0; count <= earlier; count++) found = this.#use.text.indexOf(wanted, found + 1);
    if (found < place.start || found >= place.end) return place;
    const closed = wanted.startsWith('${') ? this.#use.text.indexOf('}', found) + 1 : 0;
    return { start: found, end: closed > found && closed <= place.end ? closed : found + wanted.length };
  }

  #break(place: Place, message: string): undefined {
    place.broken = true;
    this.#use.problems.push({ message, start: place.start, end: place.end });
    return undefined;
  }
}

function keyName(key: Node | null): string | undefined {
  const value = isScalar(key) ? key.value : undefined;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

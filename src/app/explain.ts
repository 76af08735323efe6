import { type core, ZodObject, type ZodType } from 'zod';
import type { Problem } from './problems.ts';
import { placeKey, placeOf, type PlacedValue } from './read-yaml.ts';
import { nearest } from './suggest.ts';

type Issue = core.$ZodIssue;

/**
 * Checks a placed value with a schema. Where the schema wants a number or a boolean and the text came from a variable,
 * the text is taken for one: `port: ${PORT}` means what it says. Undefined, with `problems` filled, for what is wrong.
 */
export function checkValue<Schema extends ZodType>(
  schema: Schema,
  placed: PlacedValue,
  problems: Problem[],
  base: readonly PropertyKey[] = [],
): core.output<Schema> | undefined {
  let value = placed.value;
  for (;;) {
    const result = schema.safeParse(value, { error: wording });
    if (result.success) return result.data;
    const issues = result.error.issues;
    const cast = castExpanded(value, issues, placed, base);
    if (cast === undefined) {
      problems.push(...issues.flatMap((issue) => explain(issue, placed, base)));
      return undefined;
    }
    value = cast;
  }
}

/** Like `checkValue`, part by part: one wrong key does not hide what is wrong elsewhere. Wrong parts are absent. */
export function checkParts<Schema extends ZodObject>(
  schema: Schema,
  placed: PlacedValue,
  problems: Problem[],
): Partial<core.output<Schema>> {
  const whole = placed.value;
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) {
    problems.push({
      message: `must be a map with the keys ${Object.keys(schema.shape).join(', ')}`,
      start: 0,
      end: 1,
    });
    return {};
  }
  for (const key of Object.keys(whole)) {
    const { key: at } = placeOf(placed.places, [key]);
    if (Object.hasOwn(schema.shape, key)) continue;
    problems.push({ start: 0, end: 1, ...at, message: unknownWord('key', key, Object.keys(schema.shape)) });
  }
  const parts = Object.entries<ZodType>(schema.shape).map(([key, part]) => {
    const value: unknown = Object.hasOwn(whole, key) ? Reflect.get(whole, key) : undefined;
    return [key, checkValue(part, { value, places: placed.places }, problems, [key])] as const;
  });
  const right = parts.filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each part comes from its own schema
  return Object.fromEntries(right) as Partial<core.output<Schema>>;
}

/** The value with the first fitting expanded text replaced by what it means; undefined when there is none. */
function castExpanded(
  value: unknown,
  issues: readonly Issue[],
  placed: PlacedValue,
  base: readonly PropertyKey[],
): unknown {
  for (const { path, expected } of wantedTypes(issues, [])) {
    if (!placeOf(placed.places, [...base, ...path]).expanded) continue;
    const text = path.reduce<unknown>((inner, step) => stepInto(inner, step), value);
    const cast = typeof text === 'string' ? castText(text, expected) : undefined;
    if (cast !== undefined) return replaceAt(value, path, cast);
  }
  return undefined;
}

function wantedTypes(
  issues: readonly Issue[],
  base: readonly PropertyKey[],
): { path: PropertyKey[]; expected: string }[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path];
    if (issue.code === 'invalid_type') return [{ path, expected: issue.expected }];
    return issue.code === 'invalid_union' ? issue.errors.flatMap((errors) => wantedTypes(errors, path)) : [];
  });
}

function castText(text: string, expected: string): number | boolean | undefined {
  if (expected === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  const isNumber =
    (expected === 'number' || expected === 'int') && /^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text);
  return isNumber ? Number(text) : undefined;
}

function stepInto(value: unknown, step: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
}

function replaceAt(value: unknown, path: readonly PropertyKey[], replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  const inner = replaceAt(stepInto(value, step), rest, replacement);
  if (Array.isArray(value)) return value.map((item: unknown, index) => (index === step ? inner : item));
  return { ...Object(value), [String(step)]: inner };
}

function explain(issue: Issue, placed: PlacedValue, base: readonly PropertyKey[]): Problem[] {
  const path = [...base, ...issue.path];
  const place = placeOf(placed.places, path);
  if (place.broken) return [];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branch = meantBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => explain(inner, placed, path));
  }
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => {
      const { key: at } = placeOf(placed.places, [...path, key]);
      return { start: place.start, end: place.end, ...at, message: messages[index] ?? issue.message };
    });
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map((inner) => ({ ...place, ...place.key, message: inner.message }));
  }
  const message = issue.code === 'invalid_union' ? `must be ${forms(issue.errors)}` : issue.message;
  const name = path.at(-1);
  const subject = typeof name === 'string' ? `"${name}"` : undefined;
  if (placed.places.has(placeKey(path))) {
    return [{ start: place.start, end: place.end, message: subject ? `${subject}: ${message}` : message }];
  }
  const { start, end } = place.key ?? { start: place.start, end: place.start + 1 };
  return [{ start, end, message: `${subject ?? 'an entry'} is missing: ${message}` }];
}

/** Of the forms that a value may have, the one it was meant to have; undefined when it has none of them. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));
  return branches.filter((issues) => !issues.some(isOtherForm)).sort((a, b) => depth(b) - depth(a))[0];
}

function isOtherForm(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function forms(branches: readonly (readonly Issue[])[]): string {
  const names = branches.flat().flatMap((issue) => {
    if (issue.code === 'invalid_type') return [typeName(issue.expected)];
    return issue.code === 'invalid_value' ? issue.values.map(String) : [];
  });
  return [...new Set(names)].join(' or ');
}

function typeName(type: string): string {
  return typeNames[type] ?? type;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** Messages for a person who writes YAML; a schema's own `error` comes before them. Never says the value: see Problem. */
function wording(issue: core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return typeWording(issue.expected, issue.input);
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'unrecognized_keys') return unknownKeys('key', issue.keys, shapeOf(issue.inst));
  if (issue.code !== 'too_small' && issue.code !== 'too_big') return undefined;
  const amount = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  if (issue.origin === 'string') return `must have ${amount} characters`;
  return issue.origin === 'array' ? `must have ${amount} entries` : `must be ${amount}`;
}

function typeWording(expected: string, input: unknown): string {
  if (input === undefined) return `it must be ${typeName(expected)}`;
  if (input === null) return `has no value; it must be ${typeName(expected)}`;
  const given = Array.isArray(input) ? 'array' : typeof input;
  return `must be ${typeName(expected)}${given === expected ? '' : `, not ${typeName(given)}`}`;
}

function shapeOf(schema: unknown): string[] {
  return schema instanceof ZodObject ? Object.keys(schema.shape) : [];
}

/** The message of an issue with unknown keys: a line for each. `listed` are those of the `known` worth listing. */
export function unknownKeys(
  noun: string,
  keys: readonly string[],
  known: readonly string[],
  listed: readonly string[] = known,
): string {
  return keys.map((key) => unknownWord(noun, key, known, listed)).join('\n');
}

export function unknownWord(
  noun: string,
  word: string,
  known: readonly string[],
  listed: readonly string[] = known,
): string {
  const meant = nearest(word, known);
  const help = meant === undefined ? `there are: ${listed.join(', ')}` : `did you mean "${meant}"?`;
  return `unknown ${noun} ${JSON.stringify(word.slice(0, 64))}; ${help}`;
}

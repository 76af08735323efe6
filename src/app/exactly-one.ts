import { z, type ZodType } from 'zod';
import { unknownKeys } from './explain.ts';

/** The schemas of all kinds of source, or of all targets, by the key they have in relocate.yaml. */
export type Schemas = Readonly<Record<string, ZodType>>;

/** A map with exactly one of `kinds` as key, and any of `beside`. */
export function exactlyOne<Kinds extends Schemas, Beside extends Schemas>(
  noun: string,
  kinds: Kinds,
  beside: Beside,
) {
  const optional = Object.fromEntries(
    Object.entries(kinds).map(([name, schema]) => [name, schema.optional()]),
  );
  const names = Object.keys(kinds);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same keys as `kinds`
  const shape = { ...beside, ...(optional as { [Name in keyof Kinds]: z.ZodOptional<Kinds[Name]> }) };
  const known = Object.keys(shape);
  return z
    .strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? unknownKeys(noun, issue.keys, known, names) : undefined,
    })
    .check(({ value, issues }) => {
      const hasOne = names.filter((name) => Object.hasOwn(value, name)).length === 1;
      if (hasOne || issues.length > 0) return;
      issues.push({
        code: 'custom',
        input: value,
        message: `must have exactly one of the keys ${names.join(', ')}`,
      });
    })
    .meta({ oneOf: names.map((name) => ({ required: [name] })) });
}

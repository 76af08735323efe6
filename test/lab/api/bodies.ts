import { z } from 'zod';
import { ApiError, invalidInput } from './errors.ts';
import type { Labels } from './state.ts';

/** Parses a body; the refusal names the fields. */
export function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({
    name: path.join('.'),
    messages: [message],
  }));
  throw new ApiError('invalid_input', `invalid input in field '${fields[0]?.name ?? ''}'`, { fields });
}

/** Keys and values as Kubernetes has them. */
const labelKey = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;

export const labels: z.ZodType<Labels> = z.record(z.string().regex(labelKey), z.string().regex(labelValue));
export const id = z.number().int();
export const idOrName = z.union([z.number().int(), z.string().min(1)]);
export const name = z.string().min(1).max(128);
/** A host's name, as servers have to have. */
export const hostName = z
  .string()
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9-.]{0,61}[a-zA-Z0-9])?$/, 'must be a valid hostname');

/** Finds by ID, by name, or by an ID written as text; undefined when nothing fits. */
export function find<T extends { id: number; name: string }>(
  all: readonly T[],
  wanted: number | string,
): T | undefined {
  return (
    all.find((one) => one.id === wanted || one.name === wanted) ??
    all.find((one) => String(one.id) === wanted)
  );
}

export function refuseTaken(
  all: readonly { id: number; name: string }[],
  name: string | undefined,
  own?: number,
): void {
  if (all.some((one) => one.name === name && one.id !== own)) {
    throw new ApiError('uniqueness_error', 'name is already used', { fields: [{ name: 'name' }] });
  }
}

export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidInput(field, 'missing or unknown');
  return value;
}

import { z } from 'zod';
import { exitCodes, RelocateError, type ErrorCode } from '../../errors.ts';
import type { Event } from '../../events.ts';

/** What the ends of an agent's channel say to each other. */

export interface SaidError {
  code: ErrorCode;
  message: string;
  facts: Record<string, string | number | boolean>;
  hint?: string | undefined;
  retryable: boolean;
}

export type Message =
  | { type: 'call'; id: number; method: string; params?: unknown }
  | { type: 'abort'; id: number }
  | { type: 'done'; id: number; result?: unknown }
  | { type: 'failed'; id: number; error: SaidError }
  | { type: 'event'; event: Event }
  /** So that either end knows that the other lives. */
  | { type: 'ping' };

function isErrorCode(code: string): code is ErrorCode {
  return code in exitCodes;
}

const id = z.number().int();
const errorSchema = z.object({
  code: z.string().transform((code): ErrorCode => (isErrorCode(code) ? code : 'internal')),
  message: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  hint: z.string().optional(),
  retryable: z.boolean(),
});

const schema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('call'), id, method: z.string(), params: z.unknown().optional() }),
  z.object({ type: z.literal('abort'), id }),
  z.object({ type: z.literal('done'), id, result: z.unknown().optional() }),
  z.object({ type: z.literal('failed'), id, error: errorSchema }),
  z.object({
    type: z.literal('event'),
    event: z.looseObject({
      type: z.enum(['phase-start', 'phase-end', 'progress', 'warning', 'note', 'detail']),
    }),
  }),
  z.object({ type: z.literal('ping') }),
]);

/** Undefined for what is none. */
export function parseMessage(value: unknown): Message | undefined {
  const { data } = schema.safeParse(value);
  if (data?.type !== 'event') return data;
  // Events are shown and nothing else is done with them; what is wrong in one is seen there.
  // oxlint-disable-next-line no-unsafe-type-assertion -- as said.
  return { type: 'event', event: data.event as unknown as Event };
}

/** Of other errors only what they say. */
export function sayError(error: unknown): SaidError {
  if (error instanceof RelocateError) {
    const facts = Object.entries(error.facts).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const { code, message, hint, retryable } = error;
    return { code, message, facts: Object.fromEntries(facts), hint, retryable };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, facts: {}, retryable: false };
}

export function hearError({ code, message, facts, hint, retryable }: SaidError): RelocateError {
  return new RelocateError(code, message, { facts, hint, retryable });
}

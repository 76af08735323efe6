import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/** The provider's refusal, in its own words: `deletion is protected (protected)`. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(`${message} (${code})`);
    this.status = status;
    this.code = code;
  }
}

const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const actionSchema = z.object({
  id: z.number(),
  status: z.enum(['running', 'success', 'error']),
  command: z.string(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
});
const actionsSchema = z.object({
  action: actionSchema.nullish(),
  actions: z.array(actionSchema).nullish(),
  next_actions: z.array(actionSchema).nullish(),
});

/** As the official plugin: what may go well next time is tried again a few times, later and later. */
const attempts = 5;
const firstPauseMs = 100;
const pollMs = 100;

const stop = new AbortController();

/** Ends all waiting, because the engine was told to stop. */
export function cancel(): void {
  stop.abort(new Error('cancelled'));
}

/** One call; resolves to its body. Throws `Refusal`, or what `fetch` throws. */
export async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await callOnce(method, path, body);
    } catch (error) {
      if (attempt >= attempts || !(error instanceof Refusal) || !mayGoWell(error)) throw error;
      await delay(firstPauseMs * 2 ** (attempt - 1), undefined, { signal: stop.signal });
    }
  }
}

function mayGoWell({ status, code }: Refusal): boolean {
  return status === 502 || status === 504 || ['conflict', 'rate_limit_exceeded', 'locked'].includes(code);
}

async function callOnce(method: string, path: string, body: unknown): Promise<unknown> {
  const endpoint = process.env['HCLOUD_ENDPOINT'] ?? 'https://api.hetzner.cloud/v1';
  const response = await fetch(`${endpoint}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${process.env['HCLOUD_TOKEN'] ?? ''}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: stop.signal,
  });
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (response.ok) return answer;
  const refusal = refusalSchema.safeParse(answer).data?.error;
  throw new Refusal(
    response.status,
    refusal?.code ?? 'unknown_error',
    refusal?.message ?? response.statusText,
  );
}

/** A call that changes something, and its actions to their end. Throws as `call`, and when an action fails. */
export async function change(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await call(method, path, body);
  const { action, actions, next_actions } = actionsSchema.parse(answer ?? {});
  for (const one of [action, ...(actions ?? []), ...(next_actions ?? [])]) if (one) await finish(one.id);
  return answer;
}

async function finish(id: number): Promise<void> {
  for (;;) {
    const { action } = z.object({ action: actionSchema }).parse(await call('GET', `/actions/${id}`));
    if (action.status === 'success') return;
    if (action.status === 'error') {
      throw new Error(`${action.command} failed: ${action.error?.message} (${action.error?.code})`);
    }
    await delay(pollMs, undefined, { signal: stop.signal });
  }
}

/** What is at the path; undefined when there is nothing. */
export async function look(path: string): Promise<unknown> {
  try {
    return await call('GET', path);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  }
}

/** Deletes; what is gone already is no error. What is in use is tried again, because it may be let go of just now. */
export async function removeAt(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await change('DELETE', path);
      return;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 404) return;
      if (error.code !== 'resource_in_use' || attempt >= attempts) throw error;
      await delay(firstPauseMs * 2 ** attempt, undefined, { signal: stop.signal });
    }
  }
}

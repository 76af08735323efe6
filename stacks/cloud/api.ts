import { setTimeout as sleep } from 'node:timers/promises';
import type { ZodType } from 'zod';
import { RelocateError } from '../../src/errors.ts';

/** A provider's HTTP API with JSON, as preflight and sweeping ask it. */
export interface Api {
  /** As people call it: `Hetzner Cloud`. */
  readonly provider: string;
  /** The answer, checked. Throws `provision-failed` with the facts `status` and `reason`. */
  ask<Answer>(schema: ZodType<Answer>, path: string, query?: Query, signal?: AbortSignal): Promise<Answer>;
  /** For answers that nobody reads. Throws as `ask`. */
  send(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<void>;
}

export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Query = Readonly<Record<string, string | number | undefined>>;

export interface ApiSettings {
  provider: string;
  /** Without a slash at its end. */
  endpoint: string;
  /** Of each request; holds credentials. */
  headers: (request: { method: string; url: URL; body: string }) => HeadersOf | Promise<HeadersOf>;
  /** What the body of a refusal says. */
  explain: (body: unknown) => { reason?: string | undefined; message?: string | undefined };
  /** Where credentials come from, for the hint of a refusal: `Set HCLOUD_TOKEN to …`. */
  credentialsHint: string;
}

type HeadersOf = Readonly<Record<string, string>>;

const attempts = 4;
const attemptTimeoutMs = 20_000;
const longestWaitMs = 10_000;

/** Asks again after 429, 5xx and lost connections where that cannot make a thing twice. */
export function makeApi(settings: ApiSettings): Api {
  const { provider } = settings;
  return {
    provider,
    async ask(schema, path, query, signal) {
      const parsed = schema.safeParse(
        await request(settings, 'GET', withQuery(path, query), undefined, signal),
      );
      if (parsed.success) return parsed.data;
      throw new RelocateError('provision-failed', `${provider} answered in a way that is not understood`, {
        facts: { path, problem: parsed.error.issues[0]?.message, at: parsed.error.issues[0]?.path.join('.') },
        hint: 'Nothing was changed by asking.',
        cause: parsed.error,
      });
    },
    async send(method, path, body, signal) {
      await request(settings, method, path, body, signal);
    },
  };
}

function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

async function request(
  settings: ApiSettings,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await attemptOnce(settings, method, path, body, signal);
    if ('answer' in outcome) return outcome.answer;
    const isSafe = method !== 'POST' || outcome.error.facts['status'] === 429;
    if (attempt === attempts || !outcome.error.retryable || !isSafe) throw outcome.error;
    await sleep(Math.min(longestWaitMs, outcome.waitMs ?? 250 * 2 ** attempt), undefined, { signal });
  }
}

type Attempt = { answer: unknown } | { error: RelocateError; waitMs: number | undefined };

async function attemptOnce(
  settings: ApiSettings,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const url = new URL(`${settings.endpoint}${path}`);
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = await settings.headers({ method, url, body: text });
  let response: Response;
  let answer: string;
  try {
    response = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        ...(text === '' ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(text === '' ? {} : { body: text }),
      signal: AbortSignal.any([
        AbortSignal.timeout(attemptTimeoutMs),
        ...(signal === undefined ? [] : [signal]),
      ]),
    });
    answer = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    return { error: unreachable(settings, url, error), waitMs: undefined };
  }
  const content = parseJson(answer);
  if (response.ok) return { answer: content };
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return {
    error: refusal(settings, response.status, content),
    waitMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
  };
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return {};
  }
}

function refusal(settings: ApiSettings, status: number, body: unknown): RelocateError {
  const { reason, message } = settings.explain(body);
  const said = [message, reason].filter((part) => part !== undefined && part !== '').join(', ');
  const isCredentials = status === 401 || status === 403;
  return new RelocateError(
    'provision-failed',
    `${settings.provider} refused (${status})${said === '' ? '' : `: ${said}`}`,
    {
      facts: { provider: settings.provider, status, reason },
      hint: isCredentials ? settings.credentialsHint : undefined,
      retryable: status === 429 || status >= 500,
    },
  );
}

function unreachable(settings: ApiSettings, url: URL, error: unknown): RelocateError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RelocateError('provision-failed', `${settings.provider} cannot be reached: ${reason}`, {
    facts: { provider: settings.provider, endpoint: url.origin },
    hint: 'Look at the network of this machine, or choose another target.',
    retryable: true,
    cause: error,
  });
}

/** The HTTP status that a provider refused with; undefined for all other errors. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof RelocateError)) return undefined;
  const { status } = error.facts;
  return typeof status === 'number' ? status : undefined;
}

/** The provider's own word for why it refused. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof RelocateError)) return undefined;
  const { reason } = error.facts;
  return typeof reason === 'string' ? reason : undefined;
}

/** A variable of this process's environment that a target cannot do without. Throws `provision-failed`. */
export function requiredVariable(provider: string, name: string, hint: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new RelocateError('provision-failed', `${provider} needs ${name}, and it is not set`, {
    facts: { provider, variable: name, status: 401 },
    hint,
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError, systemCodeOf } from '../errors.ts';

/** One provider's JSON API over HTTPS. Tokens go into headers and nowhere else. */
export interface Api {
  /** Throws `dns-failed`; the status is among its facts. Waits out 429 and trouble of the server's. */
  request(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<unknown>;
}

interface ApiOptions {
  provider: string;
  /** Without a slash at its end. */
  endpoint: string;
  token: string;
  signal: AbortSignal;
  /** The provider's own words for what is wrong, from the body of an answer. */
  reasonOf: (body: unknown) => string | undefined;
  /** How the permission is called that a token needs. */
  permission: string;
  /** Of waits between tries. */
  scale?: number;
}

const tries = 6;
const timeoutMs = 20_000;
const longestWaitMs = 60_000;

export function openApi(options: ApiOptions): Api {
  return { request: (method, path, body) => request(options, method, path, body) };
}

/** Throws `usage` where none is set. */
export function tokenOf(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
  provider: string,
): string {
  const token = names.map((name) => environment[name]?.trim()).find((one) => one !== undefined && one !== '');
  if (token !== undefined) return token;
  throw new RelocateError('usage', `There is no token for the DNS of ${provider}.`, {
    facts: { variable: names[0] },
    hint: `Set ${names.join(' or ')} in the environment. Nothing was changed.`,
  });
}

export function endpointOf(given: string | undefined, preset: string): string {
  return (given === undefined || given === '' ? preset : given).replace(/\/+$/, '');
}

async function request(options: ApiOptions, method: string, path: string, body?: object): Promise<unknown> {
  const { signal, scale = 1 } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const outcome = await send(options, method, path, body);
    if ('answer' in outcome) return outcome.answer;
    // A change that was refused for now was not made; one whose answer got lost may have been, and is looked at again
    // by the caller before it is repeated.
    const mayRepeat = outcome.status === 429 || method === 'GET' || method === 'PUT';
    if (!outcome.error.retryable || !mayRepeat || attempt >= tries) throw outcome.error;
    const waitMs = Math.min(outcome.waitMs ?? 500 * 2 ** (attempt - 1), longestWaitMs) * scale;
    await sleep(waitMs, undefined, { signal });
  }
}

type Outcome =
  { answer: unknown } | { error: RelocateError; status: number | undefined; waitMs: number | undefined };

async function send(
  options: ApiOptions,
  method: string,
  path: string,
  body: object | undefined,
): Promise<Outcome> {
  const { endpoint, token, signal } = options;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${endpoint}${path}`, {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    text = await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    return { error: unreachable(options, cause), status: undefined, waitMs: undefined };
  }
  const parsed = parse(text);
  if (response.ok && (text === '' || parsed !== undefined)) return { answer: parsed };
  const error = refused(options, response.status, parsed);
  return { error, status: response.status, waitMs: retryAfterMs(response.headers.get('retry-after')) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) * 1000 : undefined;
}

function unreachable({ provider, endpoint }: ApiOptions, cause: unknown): RelocateError {
  const reason = cause instanceof Error ? (systemCodeOf(cause.cause) ?? cause.name) : undefined;
  return new RelocateError('dns-failed', `The DNS of ${provider} cannot be reached.`, {
    facts: { provider, endpoint, reason },
    hint: 'Run the same command again; it looks first what was changed, and goes on from there.',
    retryable: true,
    cause,
  });
}

function refused(
  { provider, reasonOf, permission }: ApiOptions,
  status: number,
  body: unknown,
): RelocateError {
  const reason = reasonOf(body)?.slice(0, 300);
  const facts = { provider, status, reason };
  const said = reason === undefined ? `status ${status}` : `${reason} (status ${status})`;
  if (status === 401 || status === 403) {
    return new RelocateError('dns-failed', `The DNS of ${provider} refuses the token: ${said}`, {
      facts,
      hint: `It needs the permission ${permission}. Nothing was changed by this request.`,
    });
  }
  return new RelocateError('dns-failed', `The DNS of ${provider} refuses: ${said}`, {
    facts,
    hint: 'Nothing was changed by this request. Run the same command again; it goes on where it stopped.',
    retryable: status === 429 || status === 423 || status >= 500,
  });
}

export function statusOf(error: unknown): number | undefined {
  const status = error instanceof RelocateError ? error.facts['status'] : undefined;
  return typeof status === 'number' ? status : undefined;
}

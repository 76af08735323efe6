import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from './errors.ts';
import { routeFor } from './routes.ts';
import type { Reply, World } from './world.ts';

/** A call that changes something, as it was answered. */
export interface LoggedRequest {
  method: string;
  /** Without `/v1`. */
  path: string;
  /** 0 where the connection was broken. */
  status: number;
  /** ISO 8601. */
  at: string;
}

export interface ApiOptions {
  token: string;
  /** Reads only. */
  readonlyToken: string;
  requests: LoggedRequest[];
}

/** As the provider's: so many calls an hour, one more each second. */
const hourlyCalls = 3600;

/** The API of one project, over HTTP, at /v1. The caller lets it listen. */
export function apiServer(world: World, options: ApiOptions): Server {
  const limit = { left: hourlyCalls, at: Date.now() };
  return createServer((request, response) => {
    void answer(world, options, limit, request, response).catch(() => response.destroy());
  });
}

async function answer(
  world: World,
  options: ApiOptions,
  limit: { left: number; at: number },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults } = world;
  const changes = request.method !== 'GET';
  const url = new URL(request.url ?? '/', 'http://lab');
  const path = url.pathname.replace(/^\/v1/, '');
  const log = (status: number) => {
    if (changes)
      options.requests.push({ method: request.method ?? '', path, status, at: new Date().toISOString() });
  };
  const text = await read(request);
  if (faults.strike('connection-lost') !== undefined) {
    log(0);
    response.destroy();
    return;
  }
  const slow = faults.strike('slow-answers');
  if (slow !== undefined) await delay(slow.delayMs);
  const reply = await replyTo(() => handle(world, options, limit, request, path, url.searchParams, text));
  if (changes) faults.noteChange();
  if (changes && reply.status < 300 && faults.strike('answer-lost') !== undefined) {
    log(0);
    response.destroy();
    return;
  }
  log(reply.status);
  send(response, reply, limit);
}

async function handle(
  world: World,
  options: ApiOptions,
  limit: { left: number; at: number },
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  text: string,
): Promise<Reply> {
  const { faults } = world;
  authorize(world, options, request);
  spendOne(world, limit);
  const failure = faults.strike('server-error');
  if (failure !== undefined) throw new ApiError(failures[failure.status], 'the request failed');
  const found = routeFor(request.method ?? '', path);
  if (found.route === undefined) {
    throw found.known
      ? new ApiError('method_not_allowed', 'method not allowed')
      : new ApiError('not_found', 'not found');
  }
  return found.route.handle({ world, params: found.params, query, body: parseJson(text) });
}

const failures = { 500: 'server_error', 502: 'bad_gateway', 503: 'maintenance', 504: 'timeout' } as const;

function authorize({ faults }: World, options: ApiOptions, request: IncomingMessage): void {
  const token = request.headers.authorization?.replace(/^Bearer /, '');
  const known = token === options.token || token === options.readonlyToken;
  if (!known || faults.strike('token-revoked') !== undefined) {
    throw new ApiError('unauthorized', 'unable to authenticate');
  }
  if (faults.strike('account-locked') !== undefined) throw new ApiError('forbidden', 'the account is locked');
  if (request.method === 'GET') return;
  if (token === options.readonlyToken || faults.strike('token-readonly') !== undefined) {
    throw new ApiError('token_readonly', 'token is only allowed to perform GET requests');
  }
}

function spendOne({ faults }: World, limit: { left: number; at: number }): void {
  limit.left = Math.min(hourlyCalls, limit.left + (Date.now() - limit.at) / 1000);
  limit.at = Date.now();
  if (limit.left < 1 || faults.strike('rate-limited') !== undefined)
    throw new ApiError('rate_limit_exceeded', `limit of ${hourlyCalls} requests per hour reached`);
  limit.left--;
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError('json_error', 'invalid JSON in the request');
  }
}

async function replyTo(handle: () => Promise<Reply>): Promise<Reply> {
  try {
    return await handle();
  } catch (error) {
    const known = error instanceof ApiError ? error : new ApiError('server_error', String(error));
    return { status: known.status, body: known.body };
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function send(response: ServerResponse, { status, body }: Reply, limit: { left: number }): void {
  const text = body === undefined ? undefined : JSON.stringify(body);
  response.writeHead(status, {
    // An answer without a body must not say that it has JSON: clients then read it.
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    'x-correlation-id': randomBytes(8).toString('hex'),
    'ratelimit-limit': hourlyCalls,
    'ratelimit-remaining': status === 429 ? 0 : Math.floor(limit.left),
    // When the account is full again, in seconds since 1970.
    'ratelimit-reset': Math.ceil(Date.now() / 1000 + hourlyCalls - limit.left),
  });
  response.end(text);
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a route answers: a status with a body, or a body alone, which means 200. */
export type Answer = { status: number; body: unknown } | Record<string, unknown>;

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: string;
}

/** By `METHOD /path`, or by the path alone for GET; `*` at the end stands for all below it. */
export type Routes = Record<string, Answer | ((asked: Asked) => Answer)>;

export interface JsonApi {
  url: string;
  /** Everything that was asked, in order: `GET /locations`. */
  asked: Asked[];
  close: () => Promise<void>;
}

/** A provider's API, or as much of it as a test is about: a stand-in that answers what it is told to. */
export async function serveJson(routes: Routes): Promise<JsonApi> {
  const asked: Asked[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const one = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers,
      body,
    };
    asked.push(one);
    const route = findRoute(routes, one);
    const { status, body: content } = withStatus(typeof route === 'function' ? route(one) : route);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof content === 'string' ? content : JSON.stringify(content));
  };
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function withStatus(answer: Answer | undefined): { status: number; body: unknown } {
  if (answer === undefined) return { status: 404, body: {} };
  const { status, body } = answer;
  return typeof status === 'number' ? { status, body } : { status: 200, body: answer };
}

function findRoute(routes: Routes, { method, path }: Asked): Routes[string] | undefined {
  const matches = Object.entries(routes).flatMap(([pattern, route]) => {
    const [verb = 'GET', wanted = ''] = pattern.includes(' ') ? pattern.split(' ') : ['GET', pattern];
    const isMatch = wanted.endsWith('*') ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
    return isMatch && verb === method ? [{ route, length: wanted.length }] : [];
  });
  return matches.toSorted((one, other) => other.length - one.length)[0]?.route;
}

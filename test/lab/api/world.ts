import type { Faults } from '../faults.ts';
import type { Machines } from '../machines/machines.ts';
import type { State } from './state.ts';

/** What the API works on. */
export interface World {
  state: State;
  machines: Machines;
  faults: Faults;
  /** How long an action takes at least. */
  actionMs: number;
  /** Actions that never end. */
  stuck: Set<number>;
  /** Work that goes on after an answer; the lab waits for it when it closes. */
  background: Set<Promise<void>>;
}

export interface ApiRequest {
  world: World;
  params: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
}

export interface Reply {
  status: number;
  body: unknown;
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for what varies. */
  path: string;
  handle(request: ApiRequest): Reply | Promise<Reply>;
}

export const route = (method: Route['method'], path: string, handle: Route['handle']): Route => ({
  method,
  path,
  handle,
});

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const created = (body: unknown): Reply => ({ status: 201, body });
export const gone = (): Reply => ({ status: 204, body: undefined });

import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../index.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- bodies are what the test is about.
type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

/** One call of the lab's API, as it is answered. */
export async function call(
  lab: Lab,
  method: string,
  path: string,
  body?: unknown,
  token = lab.token,
): Promise<Answer> {
  const response = await fetch(`${lab.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** The same for a call that goes well, and its actions too; resolves to the body. */
export async function make(lab: Lab, method: string, path: string, body?: unknown): Promise<Json> {
  const answer = await call(lab, method, path, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  const actions = [
    answer.body?.action,
    ...(answer.body?.actions ?? []),
    ...(answer.body?.next_actions ?? []),
  ];
  for (const action of actions) if (action) await finished(lab, action.id);
  return answer.body;
}

/** Waits for an action; rejects when it failed. */
export async function finished(lab: Lab, id: number): Promise<void> {
  for (;;) {
    const { action } = (await call(lab, 'GET', `/actions/${id}`)).body;
    if (action.status === 'success') return;
    if (action.status === 'error') throw new Error(`${action.command}: ${action.error.message}`);
    await delay(20);
  }
}

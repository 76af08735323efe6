import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Check } from '../app/app.ts';
import { RelocateError, systemCodeOf } from '../errors.ts';
import { inUrl } from '../hosts/in-url.ts';
import type { RunOptions, RunResult } from '../hosts/host.ts';
import type { CheckOutcome, Outcome } from './types.ts';

/** Where checks are run: the deployed app, as seen from here. */
export interface CheckSite {
  /** Services that have a port, in the app's order. */
  services: { name: string; address: string; port: number }[];
  /** The first value of the first row, as text; undefined for no row. Throws when there is no such database. */
  queryDatabase: (data: string, query: string, signal: AbortSignal) => Promise<string | undefined>;
  run: (command: readonly string[], options: RunOptions) => Promise<RunResult>;
  /** The code folder, or the host's folder for an app without code. */
  folder: string;
  environment: Readonly<Record<string, string>>;
  /** Whether services may still be coming up: then `http` and `tcp` are tried again until their time is over. */
  patient: boolean;
  signal: AbortSignal;
}

type Verdict = Omit<CheckOutcome, 'title' | 'durationMs'>;

const defaultTimeoutMs = 30_000;
/** Of one try, where a check is asked of a service that should be up already. */
const impatientTimeoutMs = 5_000;
const retryMs = 150;
const maxBodyBytes = 4 * 1024 * 1024;

/** Never throws for what the app does wrong; throws when `site.signal` aborts. */
export async function runCheck(check: Check, site: CheckSite): Promise<CheckOutcome> {
  const startedAt = performance.now();
  const timeoutMs = Math.min(
    check.timeoutMs ?? defaultTimeoutMs,
    site.patient ? Infinity : impatientTimeoutMs,
  );
  const verdict = await verdictOf(check, site, timeoutMs);
  site.signal.throwIfAborted();
  return { title: checkTitle(check), ...verdict, durationMs: Math.round(performance.now() - startedAt) };
}

export function checkTitle(check: Check): string {
  if (check.kind === 'http')
    return `GET ${check.path}${check.service === undefined ? '' : ` from ${check.service}`}`;
  if (check.kind === 'tcp') return `connect to ${check.service ?? `port ${check.port ?? 'of the app'}`}`;
  return check.kind === 'sql' ? `${check.data}: ${check.query}` : check.run;
}

function verdictOf(check: Check, site: CheckSite, timeoutMs: number): Promise<Verdict> {
  if (check.kind === 'http') return checkHttp(check, site, timeoutMs);
  if (check.kind === 'tcp') return checkTcp(check, site, timeoutMs);
  return check.kind === 'sql' ? checkSql(check, site, timeoutMs) : checkCommand(check, site, timeoutMs);
}

/** Pure: which service is meant: the one named, else `web`, else the first. */
export function chooseService(names: readonly string[], named?: string): string | undefined {
  if (named !== undefined) return names.find((name) => name === named);
  return names.find((name) => name === 'web') ?? names[0];
}

function serviceToAsk(
  name: string | undefined,
  { services }: CheckSite,
): CheckSite['services'][number] | undefined {
  const chosen = chooseService(
    services.map((service) => service.name),
    name,
  );
  return services.find((service) => service.name === chosen);
}

async function checkHttp(
  check: Extract<Check, { kind: 'http' }>,
  site: CheckSite,
  timeoutMs: number,
): Promise<Verdict> {
  const service = serviceToAsk(check.service, site);
  if (service === undefined) return unverified(noService(check.service));
  const url = `http://${inUrl(service.address)}:${service.port}${check.path}`;
  return untilPassed(site, timeoutMs, async (signal) => {
    const response = await fetch(url, { redirect: 'manual', signal });
    const body = await readSome(response, check.contains);
    if (response.status !== check.status) {
      return failed(`${url} answered ${response.status}, expected ${check.status}`);
    }
    if (check.contains !== undefined && !body.includes(check.contains)) {
      return failed(`${url} answered ${response.status}, without “${check.contains}”`);
    }
    return passed(`${url} answered ${response.status}`);
  });
}

async function readSome(response: Response, wanted: string | undefined): Promise<string> {
  if (wanted === undefined || response.body === null) {
    await response.body?.cancel();
    return '';
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= maxBodyBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function checkTcp(
  check: Extract<Check, { kind: 'tcp' }>,
  site: CheckSite,
  timeoutMs: number,
): Promise<Verdict> {
  const service = serviceToAsk(check.service, site);
  const place =
    check.port === undefined ? service : { address: service?.address ?? '127.0.0.1', port: check.port };
  if (place === undefined) return unverified(noService(check.service));
  const { address, port } = place;
  return untilPassed(site, timeoutMs, async (signal) => {
    await connectOnce(address, port, signal);
    return passed(`${address}:${port} accepts connections`);
  });
}

/** Rejects where nobody accepts the connection before the signal aborts. */
export function connectOnce(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port });
    const abort = () => socket.destroy(new Error('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

async function checkSql(
  check: Extract<Check, { kind: 'sql' }>,
  site: CheckSite,
  timeoutMs: number,
): Promise<Verdict> {
  try {
    const signal = AbortSignal.any([site.signal, AbortSignal.timeout(timeoutMs)]);
    return judgeValue(check, await site.queryDatabase(check.data, check.query, signal));
  } catch (error) {
    // Nobody to ask is another thing than a wrong answer.
    const noServer = error instanceof RelocateError && error.retryable;
    return noServer ? unverified(messageOf(error)) : failed(messageOf(error));
  }
}

/** Pure. */
export function judgeValue(
  { atLeast, equals }: { atLeast?: number; equals?: string },
  value: string | undefined,
): Verdict {
  if (value === undefined) return failed('the query gave no row');
  if (equals !== undefined && value !== equals) return failed(`got ${value}, expected ${equals}`);
  if (atLeast !== undefined && !(Number(value) >= atLeast))
    return failed(`got ${value}, expected at least ${atLeast}`);
  return passed(`got ${value}`);
}

async function checkCommand(
  check: Extract<Check, { kind: 'command' }>,
  site: CheckSite,
  timeoutMs: number,
): Promise<Verdict> {
  try {
    const { exitCode, stdout, stderr } = await site.run(['/bin/sh', '-c', check.run], {
      cwd: site.folder,
      environment: site.environment,
      timeoutMs,
      signal: site.signal,
    });
    const lastWords = (stderr.trim() || stdout.trim()).slice(-500);
    if (exitCode === 0) return passed('exit code 0');
    return failed(`exit code ${exitCode}${lastWords === '' ? '' : `: ${lastWords}`}`);
  } catch (error) {
    return failed(messageOf(error));
  }
}

/** Tries until it passes; the last answer counts. */
async function untilPassed(
  { patient, signal }: CheckSite,
  timeoutMs: number,
  attempt: (signal: AbortSignal) => Promise<Verdict>,
): Promise<Verdict> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const limit = AbortSignal.timeout(Math.max(1, Math.min(deadline - Date.now(), 10_000)));
    const verdict = await attempt(AbortSignal.any([signal, limit])).catch((error: unknown) =>
      failed(limit.aborted ? 'no answer in time' : messageOf(error)),
    );
    if (verdict.outcome === 'passed' || !patient || Date.now() + retryMs >= deadline) return verdict;
    await sleep(retryMs, undefined, { signal });
  }
}

const verdict =
  (outcome: Outcome) =>
  (detail: string): Verdict => ({ outcome, detail });
const passed = verdict('passed');
const failed = verdict('failed');
const unverified = verdict('unverified');

function noService(name: string | undefined): string {
  return name === undefined ? 'no service of the app has a port' : `no service “${name}” has a port`;
}

/** fetch says "fetch failed", and why only in the cause. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === '' ? (systemCodeOf(cause) ?? '') : cause.message;
}

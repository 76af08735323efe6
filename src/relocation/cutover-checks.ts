import { setTimeout as sleep } from 'node:timers/promises';
import type { Check } from '../app/app.ts';
import { systemCodeOf } from '../errors.ts';
import type { HostOutput } from '../hosts/host.ts';
import { askDoor, type FrontDoor } from './ask-door.ts';
import { chooseService } from './checks.ts';
import type { CheckOutcome } from './types.ts';

type HttpCheck = Extract<Check, { kind: 'http' }>;

export interface FrontOptions {
  names: readonly string[];
  checks: readonly Check[];
  doors: readonly FrontDoor[];
  /** Whether a certificate must be right: it can be had only when the name leads here. */
  strict: boolean;
  /** Certificates as PEM that are trusted beside those of the system. */
  rootPem?: string | undefined;
  /** How long to try again. */
  patienceMs: number;
  signal: AbortSignal;
}

/** A host that is reached by SSH has a web server in front; this machine serves at the app's own port. */
export function frontDoors(
  { transport, address, ports }: HostOutput,
  services: readonly string[],
): FrontDoor[] {
  if (transport.kind === 'ssh') {
    return [
      { kind: 'https', address, port: 443 },
      { kind: 'http', address, port: 80 },
    ];
  }
  const service = chooseService(services);
  const port = service === undefined ? undefined : ports[service];
  return port === undefined ? [] : [{ kind: 'http', address, port }];
}

const retryMs = 1_000;

/** One outcome for each name and each of the app's HTTP checks; never throws but for an abort. */
export async function checkFront(options: FrontOptions): Promise<CheckOutcome[]> {
  const { names, checks } = options;
  const http = checks.filter((check): check is HttpCheck => check.kind === 'http');
  const asked: (HttpCheck | undefined)[] = http.length === 0 ? [undefined] : http;
  const work = names.flatMap((name) =>
    asked.map((check) => checkOne(name.replace(/^\*\./, 'relocate-check.'), check, options)),
  );
  return Promise.all(work);
}

async function checkOne(
  name: string,
  check: HttpCheck | undefined,
  options: FrontOptions,
): Promise<CheckOutcome> {
  const { doors, patienceMs, signal } = options;
  const startedAt = performance.now();
  const title = `GET ${check?.path ?? '/'} of ${name}`;
  const outcome = (outcome: CheckOutcome['outcome'], detail: string): CheckOutcome => ({
    title,
    outcome,
    detail,
    durationMs: Math.round(performance.now() - startedAt),
  });
  if (doors.length === 0) return outcome('unverified', 'no service of the app has a port');
  for (;;) {
    const verdict = await throughDoors(name, check, options);
    signal.throwIfAborted();
    if (verdict.passed) return outcome('passed', verdict.detail);
    if (performance.now() - startedAt + retryMs >= patienceMs) return outcome('failed', verdict.detail);
    await sleep(retryMs, undefined, { signal });
  }
}

interface Verdict {
  passed: boolean;
  detail: string;
}

/** HTTPS where it is served; plain HTTP counts only while certificates cannot be had yet, or where nothing else is. */
async function throughDoors(
  name: string,
  check: HttpCheck | undefined,
  options: FrontOptions,
): Promise<Verdict> {
  const { doors, strict } = options;
  let last: Verdict = { passed: false, detail: 'nobody was asked' };
  for (const door of strict ? doors.slice(0, 1) : doors) {
    last = await throughDoor(name, check, door, options);
    if (last.passed) return last;
  }
  return last;
}

async function throughDoor(
  name: string,
  check: HttpCheck | undefined,
  door: FrontDoor,
  { strict, rootPem, signal }: FrontOptions,
): Promise<Verdict> {
  const { kind, address, port } = door;
  const at = `${kind}://${name} at ${address}, port ${port},`;
  try {
    const { status, body, location } = await askDoor(door, {
      host: name,
      path: check?.path ?? '/',
      strict,
      rootPem,
      signal,
    });
    const toHttps =
      kind === 'http' && status >= 301 && status <= 308 && location.startsWith(`https://${name}`);
    if (toHttps) return { passed: false, detail: `${at} only leads to https` };
    const isRight = check === undefined ? status < 500 : status === check.status;
    if (!isRight) return { passed: false, detail: `${at} answers ${status}${expected(check)}` };
    if (check?.contains !== undefined && !body.includes(check.contains))
      return { passed: false, detail: `${at} answers ${status}, without “${check.contains}”` };
    return { passed: true, detail: `${at} answers ${status}` };
  } catch (error) {
    signal.throwIfAborted();
    const reason = systemCodeOf(error) ?? (error instanceof Error ? error.message : String(error));
    return { passed: false, detail: `${at} cannot be asked: ${reason}` };
  }
}

function expected(check: HttpCheck | undefined): string {
  return check === undefined ? '' : `, expected ${check.status}`;
}

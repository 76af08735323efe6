import { setTimeout as sleep } from 'node:timers/promises';
import type { ExposedPort } from '../../stacks/target.ts';
import type { App } from '../app/app.ts';
import { systemCodeOf } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Certificate } from '../hosts/certificates.ts';
import type { HostOutput } from '../hosts/host.ts';
import { inUrl } from '../hosts/in-url.ts';
import { askDoor, type AskOptions, type FrontDoor } from './ask-door.ts';
import type { CheckOutcome } from './types.ts';

type Place = Pick<HostOutput, 'address' | 'transport'>;

/** Pure: whether a stack made it, with ways in for the world. Those of a host of the user's own are his. */
export function isOpenToTheWorld({ transport }: Place, exposed: readonly ExposedPort[]): boolean {
  return transport.kind === 'ssh' && transport.own === undefined && exposed.length > 0;
}

/** Of one try. */
const timeoutMs = 5_000;
/** A service that no check waited for may still be coming up. */
const patienceMs = 20_000;
const retryMs = 250;

/** Where the front door listens. */
const usualPorts = { https: 443, http: 80 };

/**
 * Whether the world reaches the app at a machine that is open to it, asked from here: checks on the host itself go past
 * its firewall. Over HTTPS where the front door has a certificate, else in clear. What the app says counts for nothing
 * but for its being there: it may know itself by another name. No answer is no proof that the app is down, and none
 * that it is back. Warns of certificates that are refused.
 */
export async function checkOutside(
  { address }: Place,
  app: Pick<App, 'checks' | 'tls'>,
  certificates: readonly Certificate[],
  { emit, signal, ports = usualPorts }: { emit: Emit; signal: AbortSignal; ports?: typeof usualPorts },
): Promise<CheckOutcome[]> {
  const startedAt = performance.now();
  warnOfRefusals(address, certificates, emit);
  const path = app.checks.flatMap((check) => (check.kind === 'http' ? [check.path] : []))[0] ?? '/';
  const subjects = certificates.flatMap(({ subject, state }) => (state === 'there' ? [subject] : []));
  const rootPem = app.tls?.acme.rootPem;
  const ask = (kind: 'https' | 'http', subject: string) => {
    const host = subject.replace(/^\*\./, 'relocate-check.');
    const door = { kind, address, port: ports[kind] };
    return answerOf(door, { host, path, strict: true, rootPem, signal });
  };
  const secure = await Promise.all(subjects.map((subject) => ask('https', subject)));
  const wrong = secure.find(({ isThere }) => !isThere);
  if (wrong !== undefined) emit({ type: 'warning', code: 'https-unanswered', message: wrong.detail });
  const answers = secure.some(({ isThere }) => isThere) ? secure : [await ask('http', address)];
  const outcome = answers.some(({ isThere }) => isThere) ? 'passed' : 'unverified';
  return [
    {
      title: 'the world reaches it',
      outcome,
      detail: answers.map(({ detail }) => detail).join(', '),
      durationMs: Math.round(performance.now() - startedAt),
    },
  ];
}

/** Of names that lead elsewhere yet nothing is said: they get theirs when DNS has moved. */
function warnOfRefusals(address: string, certificates: readonly Certificate[], emit: Emit): void {
  const missing = certificates.filter(
    ({ subject, state, isUnproved = false }) =>
      (state === 'refused' && !isUnproved) || (subject === address && state !== 'there'),
  );
  if (missing.length === 0) return;
  const reasons = new Set(missing.map(({ reason }) => reason ?? 'the authority has not answered yet'));
  const subjects = missing.map(({ subject }) => subject).join(', ');
  const message = `There is no certificate for ${subjects}: ${[...reasons].join('; ')}. Until there is one the app answers over HTTP alone; the front door keeps asking. The authority is the one of tls.acme in relocate.yaml.`;
  emit({ type: 'warning', code: 'certificate-refused', message });
}

interface Answer {
  isThere: boolean;
  detail: string;
  /** It may be otherwise in a moment. */
  isPassing?: boolean;
}

async function answerOf(door: FrontDoor, options: AskOptions): Promise<Answer> {
  for (const startedAt = performance.now(); ; await sleep(retryMs, undefined, { signal: options.signal })) {
    const answer = await tryOnce(door, options);
    if (answer.isPassing !== true || performance.now() - startedAt > patienceMs) return answer;
  }
}

/** The front door itself answers so where it reaches nobody. */
const nobodyBehind = [502, 503, 504];

async function tryOnce(door: FrontDoor, options: AskOptions): Promise<Answer> {
  const { host, path, signal } = options;
  const url = `${door.kind}://${inUrl(host)}${path}`;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { status } = await askDoor(door, { ...options, signal: limited });
    if (!nobodyBehind.includes(status)) return { isThere: true, detail: `${url} answers ${status}` };
    const detail = `${url} answers ${status}: the front door reaches no service that speaks HTTP`;
    return { isThere: false, isPassing: true, detail };
  } catch (error) {
    signal.throwIfAborted();
    const reason = systemCodeOf(error) ?? (error instanceof Error ? error.message : String(error));
    const isPassing = reason === 'ECONNREFUSED';
    return { isThere: false, isPassing, detail: `${url} cannot be asked: ${reason}` };
  }
}

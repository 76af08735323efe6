/** What the front door has of certificates, as Caddy's storage and its log tell it. */
export interface Certificate {
  /** A name, or an address. */
  subject: string;
  state: 'there' | 'refused' | 'waiting';
  /** Why there is none, in the authority's words. */
  reason?: string;
  /** The authority looked for this host under the name and did not find it: so it is until DNS has moved. */
  isUnproved?: boolean;
}

/** Pure: the file that Caddy keeps a certificate in, below a folder for the authority. */
export function certificateFile(subject: string): string {
  const safe = subject.toLowerCase().replaceAll('*', 'wildcard_').replaceAll(':', '-');
  return `${safe}/${safe}.crt`;
}

/**
 * Pure: how it went with each subject by the lines of Caddy's log, the last word counting. Lines of other programs and
 * those from before `since` (ISO 8601) say nothing.
 */
export function readCertificateLog(
  log: string,
  subjects: readonly string[],
  since: string,
): Map<string, Certificate> {
  const found = new Map<string, Certificate>();
  for (const line of log.split('\n')) {
    const { msg, ts, identifier, error } = parseLine(line);
    if (ts === undefined || ts * 1000 < Date.parse(since)) continue;
    if (msg === 'certificate obtained successfully' && identifier !== undefined)
      found.set(identifier, { subject: identifier, state: 'there' });
    // Only when all authorities have been asked.
    const [, subject, said] =
      (msg === 'will retry' && /^\[([^\]]+)\] Obtain: (.*)$/s.exec(error ?? '')) || [];
    if (subject !== undefined && said !== undefined)
      found.set(subject, { subject, state: 'refused', ...explain(said) });
  }
  return new Map([...found].filter(([subject]) => subjects.includes(subject)));
}

/** Kinds of problem (RFC 8555, section 6.7) that mean: this host was not found under the name. */
const unproved = ['dns', 'connection', 'unauthorized', 'incorrectResponse', 'tls'];
const longestReason = 300;

function explain(said: string): Pick<Certificate, 'reason' | 'isUnproved'> {
  const [, kind, detail] = /urn:ietf:params:acme:error:(\w+) - (.*)$/s.exec(said) ?? [];
  if (kind === undefined || detail === undefined) return { reason: said.slice(-longestReason) };
  const reason = `${detail.slice(0, longestReason)} (${kind})`;
  return unproved.includes(kind) ? { reason, isUnproved: true } : { reason };
}

interface LogLine {
  msg?: string;
  /** Seconds since 1970. */
  ts?: number;
  identifier?: string;
  error?: string;
}

function parseLine(line: string): LogLine {
  try {
    const value: unknown = JSON.parse(line.slice(line.indexOf('{')));
    if (typeof value !== 'object' || value === null) return {};
    const text = (key: string) => {
      const found: unknown = Reflect.get(value, key);
      return typeof found === 'string' ? { [key]: found } : {};
    };
    const ts: unknown = Reflect.get(value, 'ts');
    return {
      ...text('msg'),
      ...text('identifier'),
      ...text('error'),
      ...(typeof ts === 'number' ? { ts } : {}),
    };
  } catch {
    return {};
  }
}

import { createHash, createHmac } from 'node:crypto';

/** What the files of known hosts say of a host: each key that stands there, revoked ones apart. */
export interface KnownKeys {
  /** Base64, as in the files. */
  trusted: KnownKey[];
  revoked: KnownKey[];
}

export interface KnownKey {
  type: string;
  base64: string;
}

export type Verdict = 'known' | 'unknown' | 'differs' | 'revoked';

/**
 * The keys of a host in the text of files as OpenSSH keeps them (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). `names` are
 * what it may stand under there. Certificate authorities are left out: SSH here knows no host certificates.
 */
export function knownKeysOf(text: string, names: readonly string[]): KnownKeys {
  const found: KnownKeys = { trusted: [], revoked: [] };
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [hosts, type, base64] = fields;
    if (hosts === undefined || hosts.startsWith('#') || type === undefined || base64 === undefined) continue;
    if (marker === '@cert-authority' || !names.some((name) => standsFor(hosts, name))) continue;
    (marker === '@revoked' ? found.revoked : found.trusted).push({ type, base64 });
  }
  return found;
}

/** Names of a host in those files: with its port where that is not 22, and alone, as ssh looks for them. */
export function namesOf(host: string, port: number, alias: string | undefined): string[] {
  if (alias !== undefined) return [alias];
  const name = host.toLowerCase();
  return port === 22 ? [name] : [`[${name}]:${port}`, name];
}

export function verdictOn(key: Buffer, known: KnownKeys): Verdict {
  const base64 = key.toString('base64');
  if (known.revoked.some((one) => one.base64 === base64)) return 'revoked';
  if (known.trusted.some((one) => one.base64 === base64)) return 'known';
  return known.trusted.length > 0 ? 'differs' : 'unknown';
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function standsFor(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts);
  if (hashed !== null) {
    const [, salt = '', hash] = hashed;
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const patterns = hosts.toLowerCase().split(',');
  if (patterns.some((one) => one.startsWith('!') && matches(one.slice(1), name))) return false;
  return patterns.some((one) => matches(one, name));
}

function matches(pattern: string, name: string): boolean {
  const source = pattern.replaceAll(/[^*?]/g, (one) => one.replace(/[\\^$.|+()[\]{}/-]/, '\\$&'));
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
}

import { isIP } from 'node:net';
import { RelocateError } from '../errors.ts';
import { inUrl } from './in-url.ts';

/** What stands between the world and the app's web service: Caddy, which gets and renews certificates by itself. */
export interface FrontDoor {
  /** Names that lead here, or will: each gets a certificate as soon as the world finds this host by it. */
  names: readonly string[];
  /** Where the service listens on this host. */
  upstreamPort: number;
  /** The folder for certificates and account keys, absolute; on a volume that outlives the machine. */
  folder: string;
  /** An address that a certificate is asked for: the one that the world reaches this host by. */
  address?: string | undefined;
  acme?: AcmeAccount | undefined;
}

/** An authority for certificates in place of Let's Encrypt, or how to be known to it. */
export interface AcmeAccount {
  directory?: string | undefined;
  /** A file on this host with certificates by which the authority is trusted; undefined: as the system trusts. */
  rootPath?: string | undefined;
  email?: string | undefined;
}

/**
 * Pure: the configuration in Caddy's own words (https://caddyserver.com/docs/caddyfile). The app answers in clear, too,
 * under any name and address, and is not sent on to HTTPS: until DNS has moved there can be no certificate, and whoever
 * looks must be able to see it. Throws `internal` for names that are none.
 */
export function caddyfile({ names, upstreamPort, folder, address, acme }: FrontDoor): string {
  const serve = `reverse_proxy 127.0.0.1:${upstreamPort}`;
  const sites = names.map(assertName).join(', ');
  return [
    block('', [
      'admin off',
      'auto_https disable_redirects',
      `storage file_system ${quoted(folder)}`,
      // Whoever asks for an address names nothing in TLS, and the machine may know its address by another one.
      ...(address === undefined ? [] : [`default_sni ${assertAddress(address)}`]),
      ...(acme?.directory === undefined ? [] : [`acme_ca ${quoted(acme.directory)}`]),
      ...(acme?.rootPath === undefined ? [] : [`acme_ca_root ${quoted(acme.rootPath)}`]),
      ...(acme?.email === undefined ? [] : [`email ${quoted(acme.email)}`]),
    ]),
    block('http://', [serve]),
    ...(sites === '' ? [] : [block(sites, [serve])]),
    ...(address === undefined ? [] : [block(`https://${inUrl(address)}`, [...issuerOfAddress, serve])]),
  ].join('\n');
}

/** Without saying so, Caddy would make one of its own for an address. Its proof by TLS is none that addresses have. */
const issuerOfAddress = ['tls {', '\tissuer acme {', '\t\tdisable_tlsalpn_challenge', '\t}', '}'];

function block(title: string, lines: readonly string[]): string {
  const body = lines.map((line) => `\t${line}\n`).join('');
  return `${title === '' ? '' : `${title} `}{\n${body}}\n`;
}

const nameLabel = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

function assertName(name: string): string {
  const labels = name.replace(/^\*\./, '').split('.');
  if (labels.length > 1 && labels.every((label) => nameLabel.test(label))) return name;
  throw new RelocateError('internal', `${JSON.stringify(name)} is no name of a host.`);
}

function assertAddress(address: string): string {
  if (isIP(address) !== 0) return address;
  throw new RelocateError('internal', `${JSON.stringify(address)} is no address.`);
}

function quoted(word: string): string {
  if (/["\\{}\n\r\0]/.test(word))
    throw new RelocateError('internal', `Caddy cannot be told of ${JSON.stringify(word)}.`);
  return `"${word}"`;
}

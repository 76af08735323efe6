import { RelocateError } from '../errors.ts';
import type { UnitSpec } from './systemd/unit.ts';

/** What stands between the world and the app's web service: Caddy, which gets and renews certificates by itself. */
export interface FrontDoor {
  /** Names that lead here, or will: each gets a certificate as soon as the world finds this host by it. */
  names: readonly string[];
  /** Where the service listens on this host. */
  upstreamPort: number;
  /** The folder for certificates and account keys, absolute; on a volume that outlives the machine. */
  folder: string;
  acme?: Acme | undefined;
}

export interface Acme {
  /** Another one than Let's Encrypt. */
  directory: string;
  /** A file with the certificate that the directory itself is trusted by; undefined: as the system trusts. */
  rootPath?: string | undefined;
  email?: string | undefined;
}

/**
 * Pure: the configuration in Caddy's own words (https://caddyserver.com/docs/caddyfile). The app answers in clear, too,
 * under any name and address, and is not sent on to HTTPS: until DNS has moved there can be no certificate, and whoever
 * looks must be able to see it. Throws `internal` for names that are none.
 */
export function caddyfile({ names, upstreamPort, folder, acme }: FrontDoor): string {
  const serve = `\treverse_proxy 127.0.0.1:${upstreamPort}`;
  const sites = names.map(assertName).join(', ');
  return `{
\tadmin off
\tauto_https disable_redirects
\tstorage file_system ${quoted(folder)}
${acme === undefined ? '' : acmeLines(acme)}}

http:// {
${serve}
}
${sites === '' ? '' : `\n${sites} {\n${serve}\n}\n`}`;
}

function acmeLines({ directory, rootPath, email }: Acme): string {
  const lines = [
    `acme_ca ${quoted(directory)}`,
    ...(rootPath === undefined ? [] : [`acme_ca_root ${quoted(rootPath)}`]),
    ...(email === undefined ? [] : [`email ${quoted(email)}`]),
  ];
  return lines.map((line) => `\t${line}\n`).join('');
}

/** Pure: the service that runs it, with the one capability that it needs for ports 80 and 443. */
export function frontDoorUnit(
  door: Pick<FrontDoor, 'folder'>,
  { deployment, user, configPath }: { deployment: string; user: string; configPath: string },
): UnitSpec {
  return {
    deployment,
    name: 'front-door',
    description: `Front door of ${deployment}`,
    user,
    command: ['/usr/bin/caddy', 'run', '--config', configPath, '--adapter', 'caddyfile'],
    cwd: door.folder,
    writable: [door.folder],
    environment: { HOME: door.folder, XDG_DATA_HOME: door.folder, XDG_CONFIG_HOME: door.folder },
    capabilities: ['CAP_NET_BIND_SERVICE'],
  };
}

const nameLabel = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

function assertName(name: string): string {
  const labels = name.replace(/^\*\./, '').split('.');
  if (labels.length > 1 && labels.every((label) => nameLabel.test(label))) return name;
  throw new RelocateError('internal', `${JSON.stringify(name)} is no name of a host.`);
}

function quoted(word: string): string {
  if (/["\\{}\n\r\0]/.test(word))
    throw new RelocateError('internal', `Caddy cannot be told of ${JSON.stringify(word)}.`);
  return `"${word}"`;
}

import { RelocateError } from '../errors.ts';

/** What stands between the world and the app's web service: Caddy, which gets and renews certificates by itself. */
export interface FrontDoor {
  /** Names that lead here, or will: each gets a certificate as soon as the world finds this host by it. */
  names: readonly string[];
  /** Where the service listens on this host. */
  upstreamPort: number;
  /** The folder for certificates and account keys, absolute; on a volume that outlives the machine. */
  folder: string;
}

/**
 * Pure: the configuration in Caddy's own words (https://caddyserver.com/docs/caddyfile). The app answers in clear, too,
 * under any name and address, and is not sent on to HTTPS: until DNS has moved there can be no certificate, and whoever
 * looks must be able to see it. Throws `internal` for names that are none.
 */
export function caddyfile({ names, upstreamPort, folder }: FrontDoor): string {
  const serve = `\treverse_proxy 127.0.0.1:${upstreamPort}`;
  const sites = names.map(assertName).join(', ');
  return `{
\tadmin off
\tauto_https disable_redirects
\tstorage file_system ${quoted(folder)}
}

http:// {
${serve}
}
${sites === '' ? '' : `\n${sites} {\n${serve}\n}\n`}`;
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

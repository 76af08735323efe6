import { createSocket } from 'node:dgram';
import { BlockList, isIP } from 'node:net';
import { lookup } from 'node:dns/promises';
import { z } from 'zod';
import type { Finding } from '../target.ts';
import { ok, warning } from './findings.ts';

/** Option of all machines at providers: who may reach their SSH port. */
export const sshFromOption = z
  .array(z.union([z.cidrv4(), z.cidrv6()]))
  .min(1)
  .optional()
  .describe(
    'Addresses that may reach the SSH port, as CIDR. Default: where the deploy is run, where that can be told.',
  );

/** A CIDR of IPv6. */
export const isIpv6 = (cidr: string): boolean => cidr.includes(':');

export const everywhere = ['0.0.0.0/0', '::/0'];

const notPublic = new BlockList();
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const) {
  notPublic.addSubnet(net, prefix, 'ipv4');
}
notPublic.addSubnet('fc00::', 7, 'ipv6');
notPublic.addSubnet('fe80::', 10, 'ipv6');
notPublic.addAddress('::1', 'ipv6');

export function isPublic(address: string): boolean {
  return isIP(address) !== 0 && !notPublic.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Whom to let in at a machine's SSH port: whom the options name, else the address that this machine has towards it. An
 * operator behind a router cannot tell how it looks from outside: then all are let in, as far as the keys.
 */
export async function sshSources(given: readonly string[] | undefined, machine: string): Promise<string[]> {
  if (given !== undefined) return [...given];
  const own = await sourceAddress(machine);
  if (own === undefined || (isPublic(machine) && !isPublic(own))) return everywhere;
  return [`${own}/${isIP(own) === 6 ? 128 : 32}`];
}

/** As `sshSources`, before there is a machine: the provider's API stands for it. */
export async function sourcesBefore(
  given: readonly string[] | undefined,
  endpoint: string,
): Promise<string[]> {
  const host = new URL(endpoint).hostname.replaceAll(/^\[|\]$/g, '');
  const address =
    isIP(host) === 0
      ? await lookup(host).then(
          (found) => found.address,
          () => undefined,
        )
      : host;
  return address === undefined && given === undefined ? everywhere : sshSources(given, address ?? '');
}

export async function sshFromFinding(
  given: readonly string[] | undefined,
  endpoint: string,
): Promise<Finding> {
  const sources = await sourcesBefore(given, endpoint);
  if (sources !== everywhere) return ok('ssh-from', `SSH is opened for ${sources.join(', ')} only`);
  return warning(
    'ssh-from',
    'This machine’s address as seen from outside cannot be told: SSH will be open to all addresses, to be entered with keys only',
    'Name yours in sshFrom of the target’s options to close it to all others.',
  );
}

/** The address that packets to the other one would bear; nothing is sent. Undefined where there is no way to it. */
function sourceAddress(to: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(to) === 6 ? 'udp6' : 'udp4');
    const end = (address: string | undefined) => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => end(undefined));
    socket.connect(22, to, () => end(socket.address().address));
  });
}

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { now } from '../actions.ts';
import { labels, name, parse, refuseTaken } from '../bodies.ts';
import { ApiError, invalidInput } from '../errors.ts';
import { newId, type SshKey } from '../state.ts';
import { created, gone, type Route, route } from '../world.ts';
import { commonRoutes, findOne, type Kind, remove } from './kind.ts';

export const sshKeyKind: Kind<SshKey> = {
  collection: 'ssh_keys',
  singular: 'ssh_key',
  type: 'ssh_key',
  all: (state) => state.sshKeys,
  show: (_world, { id, name, labels, created, publicKey, fingerprint }) => ({
    id,
    name,
    labels,
    created,
    fingerprint,
    public_key: publicKey,
  }),
};

const wanted = z.object({ name, public_key: z.string(), labels: labels.default({}) });

export const sshKeyRoutes: Route[] = [
  ...commonRoutes(sshKeyKind),
  route('POST', '/ssh_keys', ({ world, body }) => {
    const { name, public_key: publicKey, labels } = parse(wanted, body);
    const { sshKeys } = world.state;
    const fingerprint = fingerprintOf(publicKey);
    refuseTaken(sshKeys, name);
    if (sshKeys.some((one) => one.fingerprint === fingerprint)) {
      throw new ApiError('uniqueness_error', 'SSH key with the same fingerprint already exists', {
        fields: [{ name: 'public_key' }],
      });
    }
    const key: SshKey = { id: newId(world.state), name, labels, created: now(), publicKey, fingerprint };
    sshKeys.push(key);
    return created({ ssh_key: sshKeyKind.show(world, key) });
  }),
  route('DELETE', '/ssh_keys/:id', (request) => {
    remove(sshKeyKind, request.world, findOne(sshKeyKind, request));
    return gone();
  }),
];

/** MD5 of the key itself, in pairs of hexadecimal digits, as the provider shows it. */
function fingerprintOf(publicKey: string): string {
  const [type = '', data = ''] = publicKey.trim().split(/\s+/);
  const raw = Buffer.from(data, 'base64');
  // The key begins with its type's length and name (RFC 4253).
  if (!/^(ssh|ecdsa|sk)-/.test(type) || raw.subarray(4, 4 + type.length).toString() !== type) {
    throw invalidInput('public_key', 'is not an SSH public key');
  }
  return createHash('md5').update(raw).digest('hex').match(/../g)?.join(':') ?? '';
}

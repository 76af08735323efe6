import { createPrivateKey, createPublicKey } from 'node:crypto';
import { RelocateError } from '../../errors.ts';

export interface SshKey {
  /** As ssh-keygen writes it, without a passphrase. */
  privateKey: string;
  /** One line of authorized_keys: "ssh-ed25519 AAAA… comment". */
  publicKey: string;
}

const type = 'ssh-ed25519';
/** RFC 8410: a PKCS #8 key of the kind Ed25519, up to its 32 bytes. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Pure: the Ed25519 key that a seed of 32 bytes stands for, so that a key that can be derived need not be kept. The same
 * seed gives the same text. Throws `internal` for a seed of another length.
 */
export function sshKeyFromSeed(seedHex: string, comment: string): SshKey {
  const seed = Buffer.from(seedHex, 'hex');
  if (seed.length !== 32 || /[\r\n]/.test(comment))
    throw new RelocateError('internal', 'An SSH key is made from 32 bytes, and a comment of one line.');
  const secret = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' });
  const point = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32);
  const blob = Buffer.concat([string(type), string(point)]);
  return {
    privateKey: pem(sealed(blob, Buffer.concat([seed, point]), comment)),
    publicKey: `${type} ${blob.toString('base64')} ${comment}`.trim(),
  };
}

/** Pure: "ssh-ed25519 AAAA…" without the comment: how a host key is pinned. */
export function withoutComment(publicKey: string): string {
  return publicKey.trim().split(/\s+/).slice(0, 2).join(' ');
}

/** OpenSSH's PROTOCOL.key, unencrypted. */
function sealed(blob: Buffer, pair: Buffer, comment: string): Buffer {
  // Two equal numbers, by which a reader sees that a passphrase was right: there is none here.
  const check = Buffer.alloc(8);
  const inner = Buffer.concat([check, blob, string(pair), string(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, at) => at + 1));
  return Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'),
    string('none'),
    string(''),
    number(1),
    string(blob),
    string(Buffer.concat([inner, padding])),
  ]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

function string(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

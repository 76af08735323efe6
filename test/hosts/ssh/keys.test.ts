import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import { sshKeyFromSeed, withoutComment } from '../../../src/hosts/ssh/keys.ts';
import { hasSshd, sshdReason } from '../../support/servers/sshd.ts';

const seedOf = (text: string) => createHash('sha256').update(text).digest('hex');

test('one seed gives one key for ever, and another seed another', () => {
  const key = sshKeyFromSeed(seedOf('a'), 'relocate guestbook');
  expect(key).toEqual(sshKeyFromSeed(seedOf('a'), 'relocate guestbook'));
  expect(key.publicKey).not.toBe(sshKeyFromSeed(seedOf('b'), 'relocate guestbook').publicKey);
  expect(key.publicKey).toBe(
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOrhyHk7VZfEs/SQ52rDEXLEOWkPjuFBQruFGmH5pJ8O relocate guestbook',
  );
});

// RFC 8032, 7.1, TEST 1.
test('the key is the one that the standard says a seed stands for', () => {
  const { publicKey } = sshKeyFromSeed(
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    '',
  );
  expect(Buffer.from(publicKey.split(' ')[1]!, 'base64').subarray(-32).toString('hex')).toBe(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
});

test('a seed of another length, and a comment that would be a second line, are refused', () => {
  expect(() => sshKeyFromSeed('ab', '')).toThrow(/32 bytes/);
  expect(() => sshKeyFromSeed(seedOf('a'), 'x\ncommand="y"')).toThrow(/one line/);
});

test('ssh2 reads it, whatever the length of its comment asks of the padding', () => {
  for (let length = 0; length < 9; length += 1) {
    const { privateKey, publicKey } = sshKeyFromSeed(seedOf('a'), 'c'.repeat(length));
    const parsed = ssh2.utils.parseKey(privateKey);
    if (parsed instanceof Error) throw parsed;
    expect(`ssh-ed25519 ${parsed.getPublicSSH().toString('base64')}`).toBe(withoutComment(publicKey));
  }
});

(hasSshd ? test : test.skip)(`ssh-keygen reads it and finds the same public key (${sshdReason})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'relocate-keys-'));
  try {
    for (const comment of ['', 'relocate guestbook-1']) {
      const { privateKey, publicKey } = sshKeyFromSeed(seedOf(comment), comment);
      const file = join(folder, `key-${comment.length}`);
      writeFileSync(file, privateKey, { mode: 0o600 });
      const said = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      expect(withoutComment(said)).toBe(withoutComment(publicKey));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

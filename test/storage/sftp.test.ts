import { createHmac } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { fingerprintOf, knownKeysOf, namesOf, verdictOn } from '../../src/ssh/known-hosts.ts';
import { parseSftpPlace } from '../../src/storage/sftp-place.ts';
import { parseSshSettings } from '../../src/ssh/settings.ts';
import { errorOf } from '../contract/storage.ts';

describe('an address of an SFTP server, as restic spells it', () => {
  test.each([
    ['me@host:/srv/backups', { user: 'me', host: 'host', port: undefined, path: '/srv/backups' }],
    ['host:backups', { user: undefined, host: 'host', port: undefined, path: 'backups' }],
    ['host:/', { user: undefined, host: 'host', port: undefined, path: '/' }],
    ['host:/a//b/../c/', { user: undefined, host: 'host', port: undefined, path: '/a/c' }],
    ['//me@host:2222//srv/backups', { user: 'me', host: 'host', port: 2222, path: '/srv/backups' }],
    ['//me@host/backups', { user: 'me', host: 'host', port: undefined, path: 'backups' }],
    ['//[::1]:2222//srv', { user: undefined, host: '::1', port: 2222, path: '/srv' }],
    ['me@[fe80::1]:/srv', { user: 'me', host: 'fe80::1', port: undefined, path: '/srv' }],
    ['//me%40there@host//a%20b', { user: 'me@there', host: 'host', port: undefined, path: '/a b' }],
  ])('%s', (place, parts) => {
    expect(parseSftpPlace(place)).toMatchObject(parts);
  });

  test.each(['me@host:/srv', '//me@host:2222//srv', '//me@host:2222/srv', '//[::1]:2222//srv'])(
    '%s is shown so that it leads to the same place again',
    (place) => {
      const { url, ...parts } = parseSftpPlace(place);
      expect(parseSftpPlace(url.replace('sftp:', ''))).toEqual({ ...parts, url });
    },
  );

  test.each([
    '',
    'host',
    ':/srv',
    'host:',
    'host:~/backups',
    '//host',
    '//host:0//srv',
    '//host:99999//srv',
    '//me:swordfish@host//srv',
    'me:swordfish@host:/srv',
    '-oProxyCommand=touch:/srv',
    '-l@host:/srv',
    'host%zz name:/srv',
  ])('“%s” is refused, and no password is repeated', async (place) => {
    const error = await errorOf(openStorage(`sftp:${place}`));
    expect(error).toMatchObject({ code: 'usage', hint: expect.any(String) });
    expect(`${error.message}${error.hint}`).not.toContain('swordfish');
  });
});

describe('known hosts', () => {
  const key = Buffer.from('a key of some kind');
  const other = Buffer.from('another key');
  const line = (hosts: string, of = key) => `${hosts} ssh-ed25519 ${of.toString('base64')} a comment`;
  const hashed = (name: string) => {
    const salt = Buffer.from('01234567890123456789');
    return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
  };

  test.each([
    ['its name', line('host'), 22, 'known'],
    ['its name among others', line('a,host,10.0.0.1'), 22, 'known'],
    ['a pattern', line('*.example,ho?t'), 22, 'known'],
    ['a pattern that leaves it out', line('*,!host'), 22, 'unknown'],
    ['its hashed name', line(hashed('host')), 22, 'known'],
    ['its hashed name with the port', line(hashed('[host]:2222')), 2222, 'known'],
    ['its name with the port', line('[host]:2222'), 2222, 'known'],
    ['its name with another port', line('[host]:2223'), 2222, 'unknown'],
    ['its name alone, for another port', line('host'), 2222, 'known'],
    ['its name with a port, for the usual one', line('[host]:2222'), 22, 'unknown'],
    ['another name', line('hosts'), 22, 'unknown'],
    ['a name of which its own is a part of a pattern', line('h.st'), 22, 'unknown'],
    ['another key', line('host', other), 22, 'differs'],
    ['another key and its own', `${line('host', other)}\n${line('host')}`, 22, 'known'],
    ['its own key, revoked', `${line('host')}\n@revoked ${line('*')}`, 22, 'revoked'],
    ['an authority only', `@cert-authority ${line('*')}`, 22, 'unknown'],
    ['a comment', `# ${line('host')}`, 22, 'unknown'],
    ['nothing', '', 22, 'unknown'],
    ['what is no line', 'host ssh-ed25519\n\n  \n@revoked\nhost', 22, 'unknown'],
  ] as const)('with %s it is as told', (_, text, port, verdict) => {
    expect(verdictOn(key, knownKeysOf(text, namesOf('HOST', port, undefined)))).toBe(verdict);
  });

  test('an alias stands for name and port', () => {
    expect(namesOf('host', 2222, 'alias')).toEqual(['alias']);
  });

  test('a fingerprint looks as ssh shows it', () => {
    expect(fingerprintOf(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });
});

describe('settings, as ssh -G prints them', () => {
  const asked = { user: undefined, host: 'given', port: undefined };

  test('say where to go, by which keys, and what is known', () => {
    const text = `host given
user deploy
hostname real.example
port 2222
identitiesonly yes
identityfile ~/.ssh/one
identityfile "/keys/%r@%h %n"
userknownhostsfile ~/.ssh/known_hosts /more/known
globalknownhostsfile /etc/ssh/ssh_known_hosts
identityagent /run/agent
hostkeyalias alias
proxyjump first,me@second:2200
proxycommand none`;
    expect(parseSshSettings(text, asked)).toEqual({
      hostName: 'real.example',
      port: 2222,
      user: 'deploy',
      identityFiles: [join(homedir(), '.ssh/one'), '/keys/deploy@real.example given'],
      identitiesOnly: true,
      agentSocket: '/run/agent',
      knownHostsFiles: [join(homedir(), '.ssh/known_hosts'), '/more/known', '/etc/ssh/ssh_known_hosts'],
      hostKeyAlias: 'alias',
      jumps: ['first', 'me@second:2200'],
    });
  });

  test('are ssh’s usual ones on a machine without ssh', () => {
    const settings = parseSshSettings('', { user: 'me', host: 'given', port: 23 });
    expect(settings).toMatchObject({ hostName: 'given', port: 23, user: 'me', jumps: [] });
    expect(settings.identityFiles).toContain(join(homedir(), '.ssh/id_ed25519'));
    expect(settings.knownHostsFiles).toContain(join(homedir(), '.ssh/known_hosts'));
  });

  test('with a ProxyCommand are refused, with what to do', () => {
    expect(() => parseSshSettings('proxycommand nc %h %p', asked)).toThrow(/ProxyCommand/);
  });
});

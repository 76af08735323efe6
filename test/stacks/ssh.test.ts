import { expect, test } from '@jest/globals';
import { judge } from '../../stacks/ssh/preflight.ts';
import { ssh } from '../../stacks/ssh.ts';
import type { DeployRequest } from '../../stacks/target.ts';

const request: DeployRequest = {
  app: 'guestbook',
  deployment: 'guestbook-ssh-1',
  folder: '/srv/relocate/guestbook-ssh-1',
  services: { kind: 'procfile', names: ['web'] },
  databases: [{ name: 'db', kind: 'postgres', majorVersion: 15, sizeBytes: 1000 }],
  sizeBytes: 10_000,
};

const answers = `folder /srv
writable yes
free 9000000
system Linux
machine x86_64
memory 4000000
compose yes
postgres 15.18
postgres 13.2
`;

const refusals = (said: string, asked = request) =>
  judge(said, asked)
    .filter(({ level }) => level === 'refused')
    .map(({ code }) => code);

test('a host that has all that is needed is taken', () => {
  expect(refusals(answers)).toEqual([]);
});

test.each([
  ['disk-room', answers.replace('free 9000000', 'free 1000')],
  ['folder-writable', answers.replace('writable yes', 'writable no')],
  ['postgres', answers.replace('postgres 15.18\n', '')],
  ['system', answers.replace('Linux', 'FreeBSD')],
  ['tools', `${answers}lacking tar\n`],
])('%s: what is lacking is refused before anything is made', (code, said) => {
  expect(refusals(said)).toEqual([code]);
});

test('a Compose app needs an engine that answers, and memory that is tight is only said', () => {
  const compose = { ...request, services: { kind: 'compose' as const, names: ['web'] } };
  expect(refusals(answers.replace('compose yes\n', ''), compose)).toEqual(['compose']);
  const needs = { memoryBytes: 64e9, cores: 1, diskBytes: 1, architectures: [] };
  expect(judge(answers, { ...request, needs }).map(({ level }) => level)).toContain('warning');
});

test.each([
  ['ops@203.0.113.7', 'ops', '203.0.113.7', '/home/ops/relocate/d'],
  ['root@host', 'root', 'host', '/srv/relocate/d'],
  ['an-alias', undefined, 'an-alias', '/srv/relocate/d'],
])('--to ssh:%s', (text, user, host, folder) => {
  const options = ssh.options.parse(ssh.optionsOf?.(text));
  expect(options).toMatchObject({ user, host });
  expect(ssh.folderFor?.(options, 'd')).toBe(folder);
});

test.each(['', '-oProxyCommand=x', 'a b', 'ops@', '@host', 'ops@-x'])('%j is no host', (text) => {
  expect(ssh.options.safeParse(ssh.optionsOf?.(text)).success).toBe(false);
});

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { relocate } from '../support/cli.ts';
import { startLab, type Lab } from './index.ts';
import { hcloud } from './support/hcloud.ts';

let lab: Lab;
let folder: string;
const deployment = 'notes-hetzner-20260131t120000';

beforeEach(async () => {
  lab = await startLab({ machines: 'none', actionMs: 5 });
  folder = await mkdtemp(join(tmpdir(), 'relocate-adopt-'));
  await writeFile(
    join(folder, 'relocate.yaml'),
    'app: notes\ndata: { all: { files: . } }\ntargets: [ hetzner ]\n',
  );
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  await make(deployment);
});
afterEach(async () => {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
});

/** As a deploy leaves it whose state is lost. */
async function make(name: string): Promise<void> {
  const labels = ['--label', 'relocate-app=notes', '--label', `relocate-deployment=${name}`];
  const labelled = (part: string) => [...labels, '--label', `relocate-part=${part}`];
  const run = (...words: string[]) => hcloud(lab, ...words);
  await run(
    'ssh-key',
    'create',
    '--name',
    `${name}-key`,
    '--public-key-from-file',
    join(folder, 'key.pub'),
    ...labelled('key'),
  ).catch(() => {});
  await run(
    'volume',
    'create',
    '--name',
    `${name}-volume`,
    '--size',
    '10',
    '--location',
    'fsn1',
    ...labelled('volume'),
  );
  await run('volume', 'enable-protection', `${name}-volume`, 'delete');
  await run(
    'server',
    'create',
    '--name',
    name,
    '--type',
    'cx22',
    '--image',
    'debian-12',
    '--location',
    'fsn1',
    '--volume',
    `${name}-volume`,
    ...labelled('server'),
  );
}

const destroy = (...args: string[]) =>
  relocate(['destroy', '--adopt', ...args], { cwd: folder, env: lab.environment });
const names = () => [lab.state.servers, lab.state.volumes, lab.state.sshKeys].flat().map(({ name }) => name);

test('what is there is shown, and nothing is removed before a deployment is named', async () => {
  const before = names();
  const { exitCode, stdout } = await destroy('--to', 'hetzner');
  expect(exitCode).toBe(0);
  expect(stdout).toContain(deployment);
  expect(stdout).toContain(`volume ${deployment}-volume`);
  expect(stdout).toContain('Nothing was removed');
  expect(names()).toEqual(before);
});

test('a deployment whose state is lost goes whole, its protected volume too, and others stay', async () => {
  const other = 'notes-hetzner-20260201t120000';
  await make(other);
  const { exitCode, stdout } = await destroy('--to', 'hetzner', '--deployment', deployment);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`server ${deployment}`);
  expect(names().filter((name) => name.startsWith(deployment))).toEqual([]);
  expect(names()).toContain(other);
  const again = await destroy('--to', 'hetzner', '--deployment', deployment);
  expect(again.exitCode).not.toBe(0);
  expect(again.stderr).toContain('relocate destroy --adopt --to hetzner');
});

test('things of strangers are not found', async () => {
  await hcloud(lab, 'volume', 'create', '--name', 'theirs', '--size', '10', '--location', 'fsn1');
  expect((await destroy('--to', 'hetzner')).stdout).not.toContain('theirs');
});

test.each([
  [[], /--to hetzner/],
  [['--to', 'local'], /nothing that carries labels/],
  [['--to', 'hetzner', '--deployment', 'nobodys'], /nothing carries the label nobodys/],
])('%j is one clear error', async (args, pattern) => {
  const { exitCode, stderr } = await destroy(...args);
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(pattern);
});
